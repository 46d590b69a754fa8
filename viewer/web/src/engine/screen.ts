/** One cell's picture, drawn by the GPU. */

import vtkColorTransferFunction from "@kitware/vtk.js/Rendering/Core/ColorTransferFunction.js";
import { Enums, type RenderingEngine, type StackViewport, type Types } from "@cornerstonejs/core";
import type { Library, SeriesFrames } from "../frames";
import { matrixOf, type Matrix, type Placement, type Size } from "../placement";
import { curveOf, limitsOf, type Voi } from "../windowing";
import { imageIdOf } from "./images";

export interface Look {
  /** null for colour as it is. */
  voi: Voi | null;
  /** Low values bright. */
  inverted: boolean;
  smooth: boolean;
}

export class Screen {
  private readonly viewport: StackViewport;
  private series: SeriesFrames | null = null;
  private shown = -1;
  private look: Look = { voi: null, inverted: false, smooth: true };
  private placement: Placement | null = null;
  /** Counts pictures drawn; told after each. */
  drawn: (position: number) => void = () => undefined;

  constructor(
    private readonly rendering: RenderingEngine,
    readonly id: string,
    private readonly element: HTMLDivElement,
    private readonly library: Library,
  ) {
    rendering.enableElement({ viewportId: id, type: Enums.ViewportType.STACK, element, defaultOptions: { background: [0, 0, 0] } });
    this.viewport = rendering.getViewport(id) as StackViewport;
    element.addEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
  }

  /** Show a frame that has arrived. */
  async show(uid: string, position: number): Promise<void> {
    const series = this.library.get(uid);
    if (this.series !== series) {
      this.series = series;
      this.shown = -1;
      const imageIds = Array.from({ length: series.total }, (_, i) => imageIdOf(uid, i));
      await this.viewport.setStack(imageIds, position);
    } else await this.viewport.setImageIdIndex(position);
    if (this.viewport.getCurrentImageIdIndex() !== position) return;
    this.shown = position;
    this.applyLook();
    this.applyPlacement();
    this.viewport.render();
  }

  setLook(look: Look): void {
    this.look = look;
    if (this.shown < 0) return;
    this.applyLook();
    this.viewport.render();
  }

  setPlacement(placement: Placement): void {
    this.placement = placement;
    if (this.shown < 0) return;
    this.applyPlacement();
    this.viewport.render();
  }

  /** Follow the element's size. */
  resized(): void {
    this.rendering.resize(false, true);
    if (this.shown < 0) return;
    this.applyPlacement();
    this.viewport.render();
  }

  get box(): Size {
    return { width: this.element.clientWidth, height: this.element.clientHeight };
  }

  destroy(): void {
    this.element.removeEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
    this.rendering.disableElement(this.id);
  }

  private readonly rendered = (): void => {
    if (this.shown >= 0) this.drawn(this.shown);
  };

  /** Window, sense and interpolation straight into the transfer function: what the standard's formulas say, no more. */
  private applyLook(): void {
    const actor = this.viewport.getDefaultActor()?.actor as Types.ImageActor | undefined;
    if (!actor) return;
    const { voi, inverted } = this.look;
    const points = voi ? curveOf(voi) : COLOUR;
    const curve = vtkColorTransferFunction.newInstance();
    for (const [value, display] of points) {
      const grey = inverted ? 1 - display : display;
      curve.addRGBPoint(value, grey, grey, grey);
    }
    const property = actor.getProperty();
    property.setRGBTransferFunction(0, curve);
    property.setUseLookupTableScalarRange(true);
    property.setInterpolationType(this.look.smooth ? 1 : 0);
    const window = voi?.kind === "window" ? limitsOf(voi.window) : null;
    // What Cornerstone's tools read; drawn is the curve above.
    Object.assign(this.viewport, {
      voiRange: window ?? { lower: points[0]?.[0] ?? 0, upper: points.at(-1)?.[0] ?? 255 },
      voiUpdatedWithSetProperties: true,
    });
  }

  /** Lay the picture down by its camera: looked at from the front or (flipped) from behind, turned by its upward axis. */
  private applyPlacement(): void {
    const data = this.viewport.getImageData();
    const facts = this.series?.facts[this.shown];
    if (!data || !facts || !this.placement) return;
    const matrix = matrixOf(this.placement, facts.rows, facts.columns, facts.aspect, this.box);
    this.viewport.setCamera(cameraOf(matrix, data, this.box));
  }
}

const COLOUR: [number, number][] = [
  [0, 0],
  [255, 1],
];

interface Lying {
  origin: Types.Point3;
  spacing: Types.Point3;
  direction: Types.Mat3;
}

/** The camera under which stored pixels fall where `matrix` says. */
function cameraOf(matrix: Matrix, data: unknown, box: Size): Types.ICamera {
  const { origin, spacing, direction } = data as Lying;
  const row = direction.slice(0, 3) as number[];
  const down = direction.slice(3, 6) as number[];
  const determinant = matrix.a * matrix.d - matrix.b * matrix.c;
  // The stored point in the middle of the box, counted from the middle of the first pixel.
  const x = box.width / 2 - matrix.e;
  const y = box.height / 2 - matrix.f;
  const column = (matrix.d * x - matrix.b * y) / determinant - 0.5;
  const line = (matrix.a * y - matrix.c * x) / determinant - 0.5;
  const focalPoint = origin.map(
    (value, i) => value + (row[i] as number) * column * spacing[0] + (down[i] as number) * line * spacing[1],
  ) as Types.Point3;
  // Up on the screen, as a step in the stored picture, in mm.
  const upColumn = (matrix.b / determinant) * spacing[0];
  const upLine = (-matrix.a / determinant) * spacing[1];
  const up = normalised(row.map((value, i) => value * upColumn + (down[i] as number) * upLine));
  const normal = cross(row, down).map((value) => (determinant > 0 ? -value : value));
  const mmPerPixel = Math.hypot(upColumn, upLine);
  const distance = 1000;
  return {
    focalPoint,
    position: focalPoint.map((value, i) => value + (normal[i] as number) * distance) as Types.Point3,
    viewPlaneNormal: normal as Types.Point3,
    viewUp: up as Types.Point3,
    parallelScale: (box.height / 2) * mmPerPixel,
    parallelProjection: true,
  };
}

function cross(one: number[], other: number[]): number[] {
  const [a, b, c] = one as [number, number, number];
  const [d, e, f] = other as [number, number, number];
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

function normalised(vector: number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
