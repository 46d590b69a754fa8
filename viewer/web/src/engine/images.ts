/** Our frames as Cornerstone's images: identifiers, metadata and pixels, without a copy. */

import { cache, metaData, registerImageLoader, utilities, type Types } from "@cornerstonejs/core";
import type { Facts, Library, Picture } from "../frames";

const SCHEME = "filmless";

export interface Place {
  series: string;
  position: number;
}

export function imageIdOf(series: string, position: number): string {
  return `${SCHEME}:${series}/${position}`;
}

export function placeOf(imageId: string): Place | null {
  const found = /^filmless:([\d.]+)\/(\d+)$/.exec(imageId);
  return found ? { series: found[1] as string, position: Number(found[2]) } : null;
}

/** Make Cornerstone ask `library` for images and for what it needs to know of them. */
export function serveImages(library: Library): void {
  registerImageLoader(SCHEME, ((imageId: string) => ({
    promise: load(library, imageId),
  })) as unknown as Types.ImageLoaderFn);
  metaData.addProvider((type: string, imageId: unknown) => provide(library, type, imageId), 10_000);
  library.forgotten = (series, position) => {
    const imageId = imageIdOf(series, position);
    if (cache.getImageLoadObject(imageId)) cache.removeImageLoadObject(imageId, { force: true });
  };
}

async function load(library: Library, imageId: string): Promise<Types.IImage> {
  const place = placeOf(imageId);
  if (!place) throw new Error(`no image ${imageId}`);
  const series = library.get(place.series);
  await series.arrival(place.position);
  const picture = series.picture(place.position);
  if (!picture) throw new Error(series.problem(place.position) ?? "no image");
  return imageOf(imageId, picture);
}

function imageOf(imageId: string, picture: Picture): Types.IImage {
  const { facts, isColour, values } = picture;
  const voxelManager = utilities.VoxelManager.createImageVoxelManager({
    width: facts.columns,
    height: facts.rows,
    numberOfComponents: isColour ? 3 : 1,
    scalarData: values,
    id: imageId,
  });
  const image = {
    imageId,
    // Only defaults that our own windows replace; asking for the true ones would read every pixel.
    minPixelValue: 0,
    maxPixelValue: 255,
    slope: 1,
    intercept: 0,
    windowCenter: 128,
    windowWidth: 256,
    voiLUTFunction: "LINEAR",
    rows: facts.rows,
    columns: facts.columns,
    height: facts.rows,
    width: facts.columns,
    color: isColour,
    rgba: false,
    numberOfComponents: isColour ? 3 : 1,
    columnPixelSpacing: spacingOf(facts)[1],
    rowPixelSpacing: spacingOf(facts)[0],
    invert: false,
    sizeInBytes: values.byteLength,
    photometricInterpretation: isColour ? "RGB" : "MONOCHROME2",
    dataType: values.constructor.name,
    getPixelData: () => values,
    getCanvas: undefined,
    voxelManager,
    imageFrame: { photometricInterpretation: isColour ? "RGB" : "MONOCHROME2" },
    // The values are modality values already.
    preScale: { enabled: true, scaled: true, scalingParameters: { rescaleSlope: 1, rescaleIntercept: 0, modality: facts.modality } },
  };
  return image as unknown as Types.IImage;
}

/** Distance between rows and between columns; without a scale in mm, pixels keep their shape and no more. */
function spacingOf(facts: Facts): [number, number] {
  const { row_mm, column_mm } = facts.spacing;
  return row_mm && column_mm ? [row_mm, column_mm] : [facts.aspect, 1];
}

function provide(library: Library, type: string, imageId: unknown): unknown {
  const place = typeof imageId === "string" ? placeOf(imageId) : null;
  if (!place || !library.has(place.series)) return undefined;
  const series = library.get(place.series);
  const facts = series.facts[place.position];
  const picture = series.picture(place.position);
  if (!facts) return undefined;
  if (type === "imagePlaneModule") return imagePlane(facts);
  if (type === "imagePixelModule" && picture) return imagePixel(facts, picture);
  if (type === "generalSeriesModule") return { modality: facts.modality, seriesInstanceUID: place.series };
  if (type === "sopCommonModule") return { sopInstanceUID: facts.sop, sopClassUID: facts.sop_class };
  if (type === "frameModule") return { sopInstanceUID: facts.sop, frameNumber: facts.frame_number };
  if (type === "instance") return { SOPInstanceUID: facts.sop, SOPClassUID: facts.sop_class, SeriesInstanceUID: place.series };
  if (type === "modalityLutModule") return { rescaleSlope: 1, rescaleIntercept: 0, rescaleType: facts.rescale.unit };
  if (type === "scalingModule" && facts.suv_factor) return { suvbw: facts.suv_factor };
  return undefined;
}

function imagePlane(facts: Facts): unknown {
  const [rowPixelSpacing, columnPixelSpacing] = spacingOf(facts);
  const isPlaced = facts.orientation.length === 6 && facts.position.length === 3;
  const orientation = isPlaced ? facts.orientation : [1, 0, 0, 0, 1, 0];
  return {
    frameOfReferenceUID: facts.frame_of_reference,
    rows: facts.rows,
    columns: facts.columns,
    imageOrientationPatient: orientation,
    rowCosines: orientation.slice(0, 3),
    columnCosines: orientation.slice(3, 6),
    imagePositionPatient: isPlaced ? facts.position : [0, 0, 0],
    sliceThickness: facts.slice_thickness,
    sliceLocation: facts.slice_location,
    pixelSpacing: [rowPixelSpacing, columnPixelSpacing],
    rowPixelSpacing,
    columnPixelSpacing,
    usingDefaultValues: !facts.spacing.row_mm,
  };
}

function imagePixel(facts: Facts, picture: Picture): unknown {
  const { values, isColour } = picture;
  const bits = values.BYTES_PER_ELEMENT * 8;
  return {
    samplesPerPixel: isColour ? 3 : 1,
    photometricInterpretation: isColour ? "RGB" : "MONOCHROME2",
    rows: facts.rows,
    columns: facts.columns,
    bitsAllocated: bits,
    bitsStored: bits,
    highBit: bits - 1,
    pixelRepresentation: values instanceof Int16Array ? 1 : 0,
  };
}
