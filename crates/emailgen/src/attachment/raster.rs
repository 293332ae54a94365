//! Drawings as pixels.

use ab_glyph::{Font, PxScale, point};

use super::drawing::{Colour, Fonts, Shape, Sheet, WHITE, shown};

/// Most pixels of one side.
const MAX_SIDE: f32 = 4000.0;

/// A picture: of three channels, red, green and blue, or of one, grey.
pub(super) struct Pixels<const CHANNELS: usize = 3> {
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Rows from the top, a byte for each channel of a pixel.
    pub(super) bytes: Vec<u8>,
}

impl<const CHANNELS: usize> Pixels<CHANNELS> {
    pub(super) fn new(columns: usize, rows: usize, colour: Colour) -> Self {
        Self {
            columns,
            rows,
            bytes: tone::<CHANNELS>(colour).repeat(columns * rows),
        }
    }

    /// Keeps the upper rows.
    pub(super) fn crop(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
        self.bytes.truncate(self.rows * self.columns * CHANNELS);
    }

    /// Lays a colour over a pixel, `share` from 0 to 1. Outside is nothing.
    fn blend(&mut self, column: i32, row: i32, share: f32, colour: Colour) {
        let (Ok(column), Ok(row)) = (usize::try_from(column), usize::try_from(row)) else {
            return;
        };
        if column >= self.columns || row >= self.rows {
            return;
        }
        let at = (row * self.columns + column) * CHANNELS;
        let pixel = self.bytes.iter_mut().skip(at).take(CHANNELS);
        for (below, above) in pixel.zip(tone::<CHANNELS>(colour)) {
            let mixed = f32::from(*below) * (1.0 - share) + f32::from(above) * share;
            *below = byte(mixed);
        }
    }

    fn fill(&mut self, (left, top): (i32, i32), (right, bottom): (i32, i32), colour: Colour) {
        let clamp = |value: i32, most: usize| usize::try_from(value).unwrap_or(0).min(most);
        let (left, right) = (clamp(left, self.columns), clamp(right, self.columns));
        let tone = tone::<CHANNELS>(colour);
        for row in clamp(top, self.rows)..clamp(bottom, self.rows) {
            let from = (row * self.columns + left) * CHANNELS;
            let to = (row * self.columns + right.max(left)) * CHANNELS;
            if let Some(line) = self.bytes.get_mut(from..to) {
                for pixel in line.chunks_exact_mut(CHANNELS) {
                    pixel.copy_from_slice(&tone);
                }
            }
        }
    }
}

/// A colour as the channels of a picture have it.
fn tone<const CHANNELS: usize>(colour: Colour) -> [u8; CHANNELS] {
    let [red, green, blue] = colour.map(u32::from);
    let grey = (red * 3 + green * 6 + blue) / 10;
    let mut channels = [u8::try_from(grey).unwrap_or(u8::MAX); CHANNELS];
    if CHANNELS > 1 {
        for (channel, value) in channels.iter_mut().zip(colour) {
            *channel = value;
        }
    }
    channels
}

/// Draws a sheet on white at `scale` pixels for each of its units.
pub(super) fn draw<const CHANNELS: usize>(
    sheet: &Sheet,
    fonts: &Fonts,
    scale: f32,
) -> Pixels<CHANNELS> {
    let side = |length: f32| {
        pixel(length * scale)
            .clamp(1, pixel(MAX_SIDE))
            .unsigned_abs() as usize
    };
    let mut pixels = Pixels::new(side(sheet.width), side(sheet.height), WHITE);
    for shape in &sheet.shapes {
        match shape {
            Shape::Box {
                x,
                y,
                width,
                height,
                colour,
            } => {
                // On whole pixels and never thinner than one, as programs draw lines.
                let (left, top) = (pixel(x * scale), pixel(y * scale));
                let right = pixel((x + width) * scale).max(left + 1);
                let bottom = pixel((y + height) * scale).max(top + 1);
                pixels.fill((left, top), (right, bottom), *colour);
            }
            Shape::Text {
                x,
                y,
                size,
                weight,
                colour,
                text,
            } => {
                let Some(font) = fonts.get(*weight) else {
                    continue;
                };
                // ab_glyph counts a size from the lowest to the highest point of a font.
                let units = font.units_per_em().unwrap_or(2048.0);
                let per_em = font.height_unscaled() / units;
                let px = PxScale::from(size * scale * per_em);
                let mut left = x * scale;
                for c in shown(text) {
                    let id = font.glyph_id(c);
                    let glyph = id.with_scale_and_position(px, point(left, (y * scale).round()));
                    left += font.h_advance_unscaled(id) * size * scale / units;
                    let Some(outlined) = font.outline_glyph(glyph) else {
                        continue;
                    };
                    let bounds = outlined.px_bounds();
                    let (column, row) = (pixel(bounds.min.x), pixel(bounds.min.y));
                    outlined.draw(|dx, dy, share| {
                        // Programs thicken small text a little.
                        let share = (share * 1.15).min(1.0);
                        pixels.blend(
                            column + dx.cast_signed(),
                            row + dy.cast_signed(),
                            share,
                            *colour,
                        );
                    });
                }
            }
            Shape::Path {
                points,
                width,
                colour,
            } => {
                for pair in points.windows(2) {
                    if let [(x0, y0), (x1, y1)] = *pair {
                        let from = (x0 * scale, y0 * scale);
                        let to = (x1 * scale, y1 * scale);
                        segment(&mut pixels, from, to, width * scale, *colour);
                    }
                }
            }
            Shape::Picture {
                x,
                y,
                width,
                height,
                columns,
                rows,
                pixels: inner,
            } => {
                let (left, top) = (pixel(x * scale), pixel(y * scale));
                let (wide, high) = (pixel(width * scale).max(1), pixel(height * scale).max(1));
                for row in 0..high {
                    for column in 0..wide {
                        let from_row =
                            row.unsigned_abs() as usize * rows / high.unsigned_abs() as usize;
                        let from_column =
                            column.unsigned_abs() as usize * columns / wide.unsigned_abs() as usize;
                        let at = (from_row * columns + from_column) * 3;
                        if let Some(&[r, g, b]) = inner.get(at..at + 3) {
                            pixels.blend(left + column, top + row, 1.0, [r, g, b]);
                        }
                    }
                }
            }
        }
    }
    pixels
}

/// A line with round ends.
fn segment<const CHANNELS: usize>(
    pixels: &mut Pixels<CHANNELS>,
    from: (f32, f32),
    to: (f32, f32),
    width: f32,
    colour: Colour,
) {
    let reach = width / 2.0 + 1.0;
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = (dx * dx + dy * dy).max(f32::EPSILON);
    for row in pixel(from.1.min(to.1) - reach)..=pixel(from.1.max(to.1) + reach) {
        for column in pixel(from.0.min(to.0) - reach)..=pixel(from.0.max(to.0) + reach) {
            #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
            let (x, y) = (column as f32 + 0.5 - from.0, row as f32 + 0.5 - from.1);
            let along = ((x * dx + y * dy) / length).clamp(0.0, 1.0);
            let away = libm::hypotf(x - along * dx, y - along * dy);
            let share = (width / 2.0 + 0.5 - away).clamp(0.0, 1.0);
            if share > 0.0 {
                pixels.blend(column, row, share, colour);
            }
        }
    }
}

/// The nearest whole number.
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn pixel(value: f32) -> i32 {
    value.round() as i32
}

/// The nearest byte.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates"
)]
fn byte(value: f32) -> u8 {
    value.round() as u8
}
