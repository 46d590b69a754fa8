/** What somebody looks at: a series and the place in it. The first of several is the most wanted. */
export interface Wish {
  series: string;
  position: number;
}
