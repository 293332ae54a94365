//! Screenshots as PNG.

use png::{
    BitDepth, ColorType, Compression, Encoder, Filter, PixelDimensions, SrgbRenderingIntent, Unit,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::drawing::Fonts;
use super::raster::{self, Pixels};
use super::{Producer, Subject, file_name, picture};

/// Most bytes of a picture.
const MAX_BYTES: usize = 118_000;
/// Pixels per metre at 96 and 144 dots per inch.
const DPI_96: u32 = 3779;
const DPI_144: u32 = 5669;

/// Name and bytes of a screenshot.
pub(super) fn make(subject: &Subject<'_>, rng: &mut ChaCha8Rng) -> (String, Vec<u8>) {
    let fonts = Fonts::load();
    let phone = rng.random_bool(0.15);
    let sheet = if phone {
        picture::phone(subject, &fonts, rng)
    } else {
        picture::screen(subject, &fonts, rng)
    };
    // Screens are scaled; a small one keeps the file small.
    let scale = match rng.random_range(0..4) {
        0 if !phone => 1.25,
        _ => 1.0,
    };
    let mut pixels = raster::draw(&sheet, &fonts, scale);
    let name = file_name::screenshot(subject, phone, rng);
    loop {
        let bytes = encode(&pixels, subject.request.producer, phone).unwrap_or_default();
        if bytes.len() <= MAX_BYTES || pixels.rows < 2 {
            return (name, bytes);
        }
        // Somebody selected the upper part only.
        let fits = pixels.rows * MAX_BYTES / bytes.len();
        pixels.crop(fits * 19 / 20);
    }
}

/// A PNG with the chunks that the program of this computer writes.
fn encode(pixels: &Pixels, producer: Producer, phone: bool) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let width = u32::try_from(pixels.columns).unwrap_or(0);
    let height = u32::try_from(pixels.rows).unwrap_or(0);
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Sub);
    encoder.set_source_srgb(SrgbRenderingIntent::Perceptual);
    let dots = if phone || producer == Producer::MacQuartz {
        DPI_144
    } else {
        DPI_96
    };
    encoder.set_pixel_dims(Some(PixelDimensions {
        xppu: dots,
        yppu: dots,
        unit: Unit::Meter,
    }));
    if producer == Producer::LibreOffice && !phone {
        encoder.add_text_chunk("Software".to_owned(), "gnome-screenshot".to_owned())?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels.bytes)?;
    writer.finish()?;
    Ok(bytes)
}
