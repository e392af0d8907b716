// A part of the Mandelbrot set, coloured by smooth escape time and lit from the side by the slope of the potential.

/** The colours that escape times run through, dusk to night, as [r, g, b]. */
const PALETTE = [
  [9, 12, 38],
  [30, 34, 96],
  [92, 52, 138],
  [186, 72, 128],
  [244, 128, 96],
  [255, 202, 130],
  [255, 244, 214],
  [150, 196, 214],
  [48, 96, 160],
  [14, 28, 76],
];
const INSIDE = [4, 5, 16];
/** Large enough that the smoothing has no visible steps. */
const ESCAPE = 1e6;
/** Light from the upper left. */
const LIGHT = { x: -Math.SQRT1_2, y: Math.SQRT1_2, height: 1.5 };

/**
 * @typedef {object} Tile
 * @property {number} left of the tile within the picture, in pixels
 * @property {number} top
 * @property {number} width of the tile, in pixels
 * @property {number} height
 * @property {{ width: number, height: number, x: number, y: number, span: number, turns: number, iterations: number,
 *   samples: number }} view the whole picture: its size, its centre and width in the plane, how often the palette
 *   repeats, the largest number of iterations, and samples per pixel and axis
 */

/** @param {Tile} tile @returns {Uint8Array} RGB, row by row */
export function paint(tile) {
  const { view } = tile;
  const rgb = new Uint8Array(tile.width * tile.height * 3);
  const step = view.span / view.width;
  let at = 0;
  for (let row = 0; row < tile.height; row++) {
    for (let column = 0; column < tile.width; column++) {
      const [r, g, b] = pixel(tile.left + column, tile.top + row, view, step);
      rgb[at++] = r;
      rgb[at++] = g;
      rgb[at++] = b;
    }
  }
  return rgb;
}

function pixel(column, row, view, step) {
  const sum = [0, 0, 0];
  const { samples } = view;
  for (let i = 0; i < samples * samples; i++) {
    const dx = ((i % samples) + 0.5) / samples;
    const dy = (Math.floor(i / samples) + 0.5) / samples;
    const x = view.x + (column + dx - view.width / 2) * step;
    const y = view.y - (row + dy - view.height / 2) * step;
    const colour = sample(x, y, view);
    for (let c = 0; c < 3; c++) sum[c] += colour[c] ** 2.2;
  }
  return sum.map((value) => Math.round((value / (samples * samples)) ** (1 / 2.2)));
}

/** Iterates z and its derivative. z gives the colour, both together give the slope. */
function sample(cx, cy, { iterations, turns }) {
  let [zx, zy, dx, dy] = [0, 0, 0, 0];
  for (let n = 0; n < iterations; n++) {
    [dx, dy] = [2 * (zx * dx - zy * dy) + 1, 2 * (zx * dy + zy * dx)];
    [zx, zy] = [zx * zx - zy * zy + cx, 2 * zx * zy + cy];
    const size = zx * zx + zy * zy;
    if (size > ESCAPE) {
      const smooth = n + 1 - Math.log2(Math.log(size) / Math.log(ESCAPE));
      return lit(colourAt(Math.log1p(smooth) * turns), slope(zx, zy, dx, dy));
    }
  }
  return INSIDE;
}

function slope(zx, zy, dx, dy) {
  const size = dx * dx + dy * dy;
  const ux = (zx * dx + zy * dy) / size;
  const uy = (zy * dx - zx * dy) / size;
  const length = Math.hypot(ux, uy);
  const light = ((ux / length) * LIGHT.x + (uy / length) * LIGHT.y + LIGHT.height) / (1 + LIGHT.height);
  return Math.max(light, 0);
}

function colourAt(position) {
  const place = ((position % 1) + 1) % 1;
  const scaled = place * PALETTE.length;
  const from = PALETTE[Math.floor(scaled) % PALETTE.length];
  const to = PALETTE[(Math.floor(scaled) + 1) % PALETTE.length];
  const part = scaled % 1;
  const eased = part * part * (3 - 2 * part);
  return from.map((value, c) => value + (to[c] - value) * eased);
}

function lit(colour, light) {
  return colour.map((value) => Math.min(255, value * (0.35 + 0.8 * light)));
}
