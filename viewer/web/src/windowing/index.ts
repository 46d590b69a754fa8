export * from "./geometry";
