/** Colour maps, as pure tables: the painter and the pictures' owners know them without knowing who shows bars and choices. */

export { COLOUR_MAPS, colourOf, painted, tableOf, type ColourMap } from "./maps";
