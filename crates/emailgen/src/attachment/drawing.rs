//! What stands where on a page or a screen, before it becomes PDF or pixels.

use ab_glyph::{Font, FontRef};

/// A font, which both PDFs and pictures are set in: Arimo, cut to Latin (see `fonts/README.md`).
const REGULAR: &[u8] = include_bytes!("fonts/arimo-regular.ttf");
const BOLD: &[u8] = include_bytes!("fonts/arimo-bold.ttf");

/// Red, green, blue.
pub(super) type Colour = [u8; 3];

pub(super) const BLACK: Colour = [0, 0, 0];
pub(super) const WHITE: Colour = [255, 255, 255];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// Something drawn. Points (PDF) or pixels (picture) from the upper left corner.
pub(super) enum Shape {
    /// `y` is the base line.
    Text {
        x: f32,
        y: f32,
        size: f32,
        weight: Weight,
        colour: Colour,
        text: String,
    },
    Box {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        colour: Colour,
    },
    /// A line through points.
    Path {
        points: Vec<(f32, f32)>,
        width: f32,
        colour: Colour,
    },
    /// Rows of RGB bytes, `columns` pixels wide.
    Picture {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        columns: usize,
        rows: usize,
        pixels: Vec<u8>,
    },
}

impl Shape {
    /// Scales it and moves its origin.
    pub(super) fn place(&mut self, left: f32, top: f32, scale: f32) {
        let move_to = |x: &mut f32, y: &mut f32| {
            *x = left + *x * scale;
            *y = top + *y * scale;
        };
        match self {
            Shape::Text { x, y, size, .. } => {
                move_to(x, y);
                *size *= scale;
            }
            Shape::Box {
                x,
                y,
                width,
                height,
                ..
            }
            | Shape::Picture {
                x,
                y,
                width,
                height,
                ..
            } => {
                move_to(x, y);
                *width *= scale;
                *height *= scale;
            }
            Shape::Path { points, width, .. } => {
                for (x, y) in points {
                    move_to(x, y);
                }
                *width *= scale;
            }
        }
    }
}

/// A page or a screen.
pub(super) struct Sheet {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) shapes: Vec<Shape>,
}

impl Sheet {
    pub(super) fn new(width: f32, height: f32) -> Sheet {
        Sheet {
            width,
            height,
            shapes: Vec::new(),
        }
    }

    pub(super) fn fill(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Colour) {
        self.shapes.push(Shape::Box {
            x,
            y,
            width,
            height,
            colour,
        });
    }

    /// A border, one unit wide, inside.
    pub(super) fn frame(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Colour) {
        self.fill(x, y, width, 1.0, colour);
        self.fill(x, y + height - 1.0, width, 1.0, colour);
        self.fill(x, y, 1.0, height, colour);
        self.fill(x + width - 1.0, y, 1.0, height, colour);
    }

    pub(super) fn text(&mut self, x: f32, y: f32, style: Style, text: &str) {
        if !text.is_empty() {
            self.shapes.push(Shape::Text {
                x,
                y,
                size: style.size,
                weight: style.weight,
                colour: style.colour,
                text: text.to_owned(),
            });
        }
    }

    /// Text that ends at `x`.
    pub(super) fn text_right(&mut self, fonts: &Fonts, x: f32, y: f32, style: Style, text: &str) {
        self.text(x - fonts.width(text, style), y, style, text);
    }

    /// Text around `x`.
    pub(super) fn text_centre(&mut self, fonts: &Fonts, x: f32, y: f32, style: Style, text: &str) {
        self.text(x - fonts.width(text, style) / 2.0, y, style, text);
    }
}

/// How text looks.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) weight: Weight,
    pub(super) colour: Colour,
}

/// A style in regular black.
pub(super) fn style(size: f32) -> Style {
    Style {
        size,
        weight: Weight::Regular,
        colour: BLACK,
    }
}

impl Style {
    pub(super) fn bold(self) -> Style {
        Style {
            weight: Weight::Bold,
            ..self
        }
    }

    pub(super) fn colour(self, colour: Colour) -> Style {
        Style { colour, ..self }
    }
}

/// Both weights of the font, read.
pub(super) struct Fonts {
    regular: Option<FontRef<'static>>,
    bold: Option<FontRef<'static>>,
}

impl Fonts {
    pub(super) fn load() -> Fonts {
        Fonts {
            regular: FontRef::try_from_slice(REGULAR).ok(),
            bold: FontRef::try_from_slice(BOLD).ok(),
        }
    }

    pub(super) fn get(&self, weight: Weight) -> Option<&FontRef<'static>> {
        match weight {
            Weight::Regular => self.regular.as_ref(),
            Weight::Bold => self.bold.as_ref(),
        }
    }

    /// The file of a weight.
    pub(super) fn file(weight: Weight) -> &'static [u8] {
        match weight {
            Weight::Regular => REGULAR,
            Weight::Bold => BOLD,
        }
    }

    /// Width of a text in the units of its size.
    pub(super) fn width(&self, text: &str, style: Style) -> f32 {
        let Some(font) = self.get(style.weight) else {
            return 0.0;
        };
        let units = font.units_per_em().unwrap_or(2048.0);
        let advance: f32 = shown(text)
            .map(|c| font.h_advance_unscaled(font.glyph_id(c)))
            .sum();
        advance * style.size / units
    }

    /// Breaks a text into lines of at most `width`. A longer word is cut.
    pub(super) fn wrap(&self, text: &str, style: Style, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let word = self.cut(word, style, width);
            let longer = if line.is_empty() {
                word.clone()
            } else {
                format!("{line} {word}")
            };
            if self.width(&longer, style) > width && !line.is_empty() {
                lines.push(std::mem::replace(&mut line, word));
            } else {
                line = longer;
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// As much of a text as fits, with an ellipsis where something is missing.
    pub(super) fn cut(&self, text: &str, style: Style, width: f32) -> String {
        if self.width(text, style) <= width {
            return text.to_owned();
        }
        let mut kept = String::new();
        for c in text.chars() {
            kept.push(c);
            if self.width(&format!("{kept}…"), style) > width {
                kept.pop();
                break;
            }
        }
        kept.push('…');
        kept
    }
}

/// Whether the font has every character of a text.
pub(super) fn can_show(text: &str) -> bool {
    shown(text)
        .zip(text.chars())
        .all(|(shown, c)| shown != '?' || c == '?')
}

/// The characters of a text that the font has; others become a question mark, as when a program
/// finds no glyph.
pub(super) fn shown(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().map(|c| match c {
        '\u{202f}' => '\u{a0}',
        ' '..='~'
        | '\u{a0}'..='\u{17f}'
        | '–'
        | '—'
        | '‘'
        | '’'
        | '‚'
        | '“'
        | '”'
        | '„'
        | '•'
        | '…'
        | '‹'
        | '›'
        | '€' => c,
        _ => '?',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fonts_have_every_character_that_is_shown() {
        let fonts = Fonts::load();
        for weight in [Weight::Regular, Weight::Bold] {
            let font = fonts.get(weight).expect("reads");
            for c in ('\0'..'\u{3000}').flat_map(|c| shown(&c.to_string()).collect::<Vec<_>>()) {
                assert_ne!(font.glyph_id(c).0, 0, "{c:?} {weight:?}");
            }
        }
    }

    #[test]
    fn other_scripts_are_not_shown() {
        assert!(can_show("Größe? Łódź – 5 €"));
        assert!(!can_show("отчёт"));
    }

    #[test]
    fn lines_fit() {
        let fonts = Fonts::load();
        let text = format!("some words and {} end", "x".repeat(300));
        let lines = fonts.wrap(&text, style(10.0), 120.0);
        assert!(lines.len() > 2);
        assert!(
            lines
                .iter()
                .all(|line| fonts.width(line, style(10.0)) <= 120.0)
        );
    }
}
