//! What pictures show: charts, logos, signatures, windows.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::document::house_colour;
use super::drawing::{BLACK, Colour, Fonts, Shape, Sheet, Style, WHITE, style};
use super::raster::{self, Pixels};
use super::{Producer, Subject, figures};

/// Colours of the second series of a chart.
const SECOND_COLOURS: [Colour; 4] = [
    [237, 125, 49],
    [165, 165, 165],
    [255, 192, 0],
    [91, 155, 213],
];

/// Planned and actual cost by month, as bars or lines, with axes and a legend.
pub(super) fn chart(
    subject: &Subject<'_>,
    fonts: &Fonts,
    (width, height): (f32, f32),
    rng: &mut ChaCha8Rng,
) -> Sheet {
    let locale = &subject.locale;
    let mut sheet = Sheet::new(width, height);
    sheet.fill(0.0, 0.0, width, height, WHITE);
    sheet.frame(0.0, 0.0, width, height, [217, 217, 217]);
    let lines = figures::month_lines(subject, rng.random_range(5..=12), rng);
    let title = style(17.0).colour([89, 89, 89]);
    let heading = fonts.cut(&subject.heading, title, width - 60.0);
    sheet.text_centre(fonts, width / 2.0, 30.0, title, &heading);

    let small = style(11.5).colour([89, 89, 89]);
    let most = lines
        .iter()
        .map(|line| line.planned.max(line.actual))
        .max()
        .unwrap_or(1)
        / 100;
    let step = axis_step(most);
    let top_value = (most / step + 1) * step;
    let (left, right) = (78.0, width - 20.0);
    let (top, bottom) = (48.0, height - 64.0);
    #[expect(clippy::cast_precision_loss, reason = "a picture is not that precise")]
    let level = |cents: i64| bottom - (bottom - top) * (cents as f32 / 100.0) / top_value as f32;
    let mut value = 0;
    while value <= top_value {
        let y = level(value * 100);
        sheet.fill(left, y, right - left, 1.0, [217, 217, 217]);
        sheet.text_right(fonts, left - 8.0, y + 4.0, small, &locale.whole(value));
        value += step;
    }
    let first = house_colour(subject);
    let second = SECOND_COLOURS[rng.random_range(0..SECOND_COLOURS.len())];
    #[expect(clippy::cast_precision_loss, reason = "twelve at most")]
    let wide = (right - left) / lines.len() as f32;
    let with_lines = rng.random_bool(0.3);
    let mut paths = [Vec::new(), Vec::new()];
    for (index, line) in lines.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "twelve at most")]
        let middle = left + wide * (index as f32 + 0.5);
        sheet.text_centre(
            fonts,
            middle,
            bottom + 18.0,
            small,
            locale.month(line.month0),
        );
        if with_lines {
            paths[0].push((middle, level(line.planned)));
            paths[1].push((middle, level(line.actual)));
            continue;
        }
        let bar = wide * 0.32;
        let y = level(line.planned);
        sheet.fill(middle - bar, y, bar - 1.0, bottom - y, first);
        let y = level(line.actual);
        sheet.fill(middle + 1.0, y, bar - 1.0, bottom - y, second);
    }
    for (points, colour) in paths.into_iter().zip([first, second]) {
        if !points.is_empty() {
            sheet.shapes.push(Shape::Path {
                points,
                width: 2.5,
                colour,
            });
        }
    }
    let mut x = width / 2.0 - 90.0;
    for (key, colour) in [("planned", first), ("actual", second)] {
        sheet.fill(x, height - 29.0, 9.0, 9.0, colour);
        sheet.text(x + 14.0, height - 20.0, small, locale.word(key));
        x += 110.0;
    }
    sheet
}

/// A round step that divides an axis into four to ten parts.
fn axis_step(most: i64) -> i64 {
    let mut step = 1;
    loop {
        for factor in [1, 2, 5] {
            if most / (step * factor) < 8 {
                return step * factor;
            }
        }
        step *= 10;
    }
}

/// The mark of the sender's company: its name in or beside a coloured field.
pub(super) fn logo(subject: &Subject<'_>, fonts: &Fonts) -> Pixels {
    let mut name = subject.company.clone();
    let capital = subject.house("capitals") % 3;
    if capital == 0 {
        name = name.to_uppercase();
    } else if capital == 1 {
        name = name
            .chars()
            .take(1)
            .flat_map(char::to_uppercase)
            .chain(name.chars().skip(1))
            .collect();
    }
    let colour = house_colour(subject);
    let letters = style(46.0).bold();
    let width = fonts.width(&name, letters);
    let mut sheet = Sheet::new(width + 110.0, 80.0);
    match subject.house("logo") % 3 {
        0 => {
            shade(&mut sheet, (0.0, 0.0), (width + 110.0, 80.0), colour);
            sheet.text(55.0, 56.0, letters.colour(WHITE), &name);
        }
        1 => {
            shade(&mut sheet, (0.0, 8.0), (64.0, 64.0), colour);
            let initial: String = name.chars().take(1).flat_map(char::to_uppercase).collect();
            sheet.text_centre(fonts, 32.0, 57.0, letters.colour(WHITE), &initial);
            sheet.text(80.0, 56.0, letters.colour([64, 64, 64]), &name);
        }
        _ => {
            for (index, height) in [26.0_f32, 44.0, 62.0].into_iter().enumerate() {
                #[expect(clippy::cast_precision_loss, reason = "three")]
                let x = index as f32 * 22.0;
                shade(&mut sheet, (x, 71.0 - height), (16.0, height), colour);
            }
            sheet.text(80.0, 57.0, letters.colour(colour), &name);
        }
    }
    raster::draw(&sheet, fonts, 3.0)
}

/// A box that becomes lighter from top to bottom.
fn shade(sheet: &mut Sheet, (x, y): (f32, f32), (width, height): (f32, f32), colour: Colour) {
    for step in 0..40_u8 {
        let part = height / 40.0;
        let lighter = colour.map(|part| part.saturating_add(step));
        sheet.fill(x, y + part * f32::from(step), width, part, lighter);
    }
}

/// Some loops in ink, with the base line at `y`.
pub(super) fn signature(x: f32, y: f32, rng: &mut ChaCha8Rng) -> Shape {
    let loops = rng.random_range(3.0..6.5_f32);
    let (slant, lean) = (
        rng.random_range(0.2..0.7_f32),
        rng.random_range(0.0..6.3_f32),
    );
    let wild: [f32; 3] = [(); 3].map(|()| rng.random_range(0.4..1.3));
    let length = rng.random_range(80.0..135.0_f32);
    let points = (0..=160_u8)
        .map(|step| {
            let along = f32::from(step) / 160.0;
            let turn = along * loops * std::f32::consts::TAU + lean;
            let fade = 1.0 - along * 0.75;
            let up =
                fade * (13.0 * wild[0] * libm::sinf(turn) + 6.0 * wild[1] * libm::cosf(2.3 * turn));
            let across = along * length + 8.0 * wild[2] * libm::sinf(turn + 1.2);
            (x + across + up * slant, y - 6.0 - up)
        })
        .collect();
    Shape::Path {
        points,
        width: 1.3,
        colour: [22, 32, 96],
    }
}

/// A window of a desktop program, or the part of it that was selected.
pub(super) fn screen(subject: &Subject<'_>, fonts: &Fonts, rng: &mut ChaCha8Rng) -> Sheet {
    match rng.random_range(0..10) {
        0..5 => spreadsheet(subject, fonts, rng),
        5..8 => {
            let side =
                |from: u16, to: u16, rng: &mut ChaCha8Rng| f32::from(rng.random_range(from..to));
            let size = (side(560, 960, rng), side(300, 520, rng));
            chart(subject, fonts, size, rng)
        }
        _ => message(subject, fonts, rng),
    }
}

/// A spreadsheet with its bars and its grid.
fn spreadsheet(subject: &Subject<'_>, fonts: &Fonts, rng: &mut ChaCha8Rng) -> Sheet {
    let locale = &subject.locale;
    let width = f32::from(rng.random_range(760..1240_u16));
    let rows = rng.random_range(12..30_u16);
    let row_height = 21.0;
    let top = 118.0;
    let height = top + row_height * f32::from(rows + 1) + 28.0;
    let mut sheet = Sheet::new(width, height);
    let bar: Colour = match subject.request.producer {
        Producer::LibreOffice => [239, 240, 241],
        Producer::MacQuartz => [231, 231, 233],
        Producer::GoogleDocs => [249, 251, 253],
        _ => [33, 115, 70],
    };
    let light = bar[0] > 128;
    sheet.fill(0.0, 0.0, width, height, WHITE);
    sheet.fill(0.0, 0.0, width, 34.0, bar);
    let caption = style(13.0).colour(if light { [60, 60, 60] } else { WHITE });
    let name = fonts.cut(&subject.heading, caption, width - 260.0);
    sheet.text_centre(fonts, width / 2.0, 22.0, caption, &name);
    window_buttons(&mut sheet, subject, width, light);
    sheet.fill(0.0, 34.0, width, 52.0, [243, 243, 243]);
    let mut x = 16.0;
    let menu = style(13.0).colour([50, 50, 50]);
    for word in locale.words("menu") {
        sheet.text(x, 54.0, menu, word);
        x += fonts.width(word, menu) + 24.0;
    }
    let mut x = 16.0;
    while x < width - 40.0 {
        let wide = f32::from(rng.random_range(14..26_u8));
        sheet.fill(x, 63.0, wide, 15.0, [200, 204, 208]);
        x += wide + f32::from(rng.random_range(8..22_u8));
    }
    // The cell that is selected, and what it says.
    sheet.frame(8.0, 90.0, 74.0, 22.0, [200, 200, 200]);
    sheet.frame(96.0, 90.0, width - 104.0, 22.0, [200, 200, 200]);
    let selected = rng.random_range(2..rows);
    sheet.text(16.0, 105.0, style(12.0), &format!("F{selected}"));

    let lines = figures::cost_lines(subject, usize::from(rows) - 2, rng);
    let shares = [0.12, 0.27, 0.17, 0.1, 0.15, 0.19];
    let gutter = 38.0;
    let area = width - gutter;
    let head = style(12.0).colour([80, 80, 80]);
    sheet.fill(0.0, top, width, row_height, [230, 230, 230]);
    sheet.fill(0.0, top, gutter, height - top - 28.0, [230, 230, 230]);
    let mut x = gutter;
    for (share, letter) in shares.iter().zip(["A", "B", "C", "D", "E", "F"]) {
        sheet.text_centre(fonts, x + area * share / 2.0, top + 15.0, head, letter);
        sheet.fill(x, top, 1.0, height - top - 28.0, [212, 212, 212]);
        x += area * share;
    }
    let mut total = 0;
    for row in 1..=rows {
        let y = top + row_height * f32::from(row);
        sheet.fill(0.0, y, width, 1.0, [212, 212, 212]);
        sheet.text_centre(fonts, gutter / 2.0, y + 15.0, head, &row.to_string());
        let cells: [String; 6] = if row == 1 {
            ["date", "item", "department", "quantity", "price", "amount"]
                .map(|key| locale.word(key).to_owned())
        } else if row == rows {
            let mut cells: [String; 6] = Default::default();
            cells[0] = locale.word("total").to_owned();
            cells[5] = locale.money(total);
            cells
        } else {
            let Some(line) = lines.get(usize::from(row) - 2) else {
                continue;
            };
            total += line.amount();
            [
                locale.date(line.date),
                line.item.to_owned(),
                line.department.to_owned(),
                line.quantity.to_string(),
                locale.grouped(line.price),
                locale.grouped(line.amount()),
            ]
        };
        let look = if row == 1 || row == rows {
            style(12.5).bold()
        } else {
            style(12.5)
        };
        if row == selected {
            sheet.text(106.0, 105.0, style(12.0), &cells[5]);
        }
        row_of_cells(
            &mut sheet,
            fonts,
            &cells,
            look,
            (gutter, y),
            (area, &shares),
        );
        if row == selected {
            let left = gutter + area * shares.iter().take(5).sum::<f32>();
            for grow in [0.0, 1.0] {
                let (wide, high) = (area * shares[5] - 2.0 * grow, row_height + 1.0 - 2.0 * grow);
                sheet.frame(left + grow, y + grow, wide, high, [33, 115, 70]);
            }
        }
    }
    let foot = height - 28.0;
    sheet.fill(0.0, foot, width, 28.0, [243, 243, 243]);
    sheet.fill(30.0, foot, 110.0, 26.0, WHITE);
    let tab = style(12.0).bold().colour([33, 115, 70]);
    sheet.text_centre(fonts, 85.0, foot + 17.0, tab, locale.word("costs"));
    sheet
}

fn row_of_cells(
    sheet: &mut Sheet,
    fonts: &Fonts,
    cells: &[String; 6],
    look: Style,
    (left, y): (f32, f32),
    (area, shares): (f32, &[f32; 6]),
) {
    let mut x = left;
    for (column, (share, cell)) in shares.iter().zip(cells).enumerate() {
        let wide = area * share;
        let text = fonts.cut(cell, look, wide - 9.0);
        if column >= 3 {
            sheet.text_right(fonts, x + wide - 5.0, y + 15.0, look, &text);
        } else {
            sheet.text(x + 5.0, y + 15.0, look, &text);
        }
        x += wide;
    }
}

fn window_buttons(sheet: &mut Sheet, subject: &Subject<'_>, width: f32, light: bool) {
    if subject.request.producer == Producer::MacQuartz {
        for (index, colour) in [[255, 95, 86], [255, 189, 46], [39, 201, 63]]
            .into_iter()
            .enumerate()
        {
            #[expect(clippy::cast_precision_loss, reason = "three")]
            let x = 18.0 + index as f32 * 20.0;
            sheet.shapes.push(Shape::Path {
                points: vec![(x, 17.0), (x + 0.1, 17.0)],
                width: 12.0,
                colour,
            });
        }
        return;
    }
    let colour = if light { [60, 60, 60] } else { WHITE };
    let mut line = |points: Vec<(f32, f32)>| {
        sheet.shapes.push(Shape::Path {
            points,
            width: 1.2,
            colour,
        });
    };
    let x = width - 22.0;
    line(vec![(x - 5.0, 12.0), (x + 5.0, 22.0)]);
    line(vec![(x - 5.0, 22.0), (x + 5.0, 12.0)]);
    let x = width - 66.0;
    line(vec![
        (x - 5.0, 12.0),
        (x + 5.0, 12.0),
        (x + 5.0, 22.0),
        (x - 5.0, 22.0),
        (x - 5.0, 12.0),
    ]);
    let x = width - 110.0;
    line(vec![(x - 5.0, 17.0), (x + 5.0, 17.0)]);
}

/// A box that says that something cannot be saved, over a spreadsheet.
fn message(subject: &Subject<'_>, fonts: &Fonts, rng: &mut ChaCha8Rng) -> Sheet {
    let locale = &subject.locale;
    let mut sheet = spreadsheet(subject, fonts, rng);
    let (width, height) = (480.0, 176.0);
    let x = ((sheet.width - width) / 2.0).round();
    let y = ((sheet.height - height) / 2.0).round();
    for grow in (1..=6_u8).rev() {
        let grow = f32::from(grow);
        let tone = 150 + (grow as u8) * 12;
        sheet.frame(
            x - grow,
            y - grow,
            width + 2.0 * grow,
            height + 2.0 * grow,
            [tone; 3],
        );
    }
    sheet.fill(x, y, width, height, [252, 252, 252]);
    let caption = style(13.0);
    let name = fonts.cut(&subject.heading, caption, width - 60.0);
    sheet.text(x + 16.0, y + 26.0, caption, &name);
    sheet.shapes.push(Shape::Path {
        points: vec![(x + 40.0, y + 76.0), (x + 40.1, y + 76.0)],
        width: 36.0,
        colour: [240, 173, 0],
    });
    sheet.text_centre(
        fonts,
        x + 40.0,
        y + 84.0,
        style(23.0).bold().colour(WHITE),
        "!",
    );
    let mut line = y + 70.0;
    for key in ["saved", "again"] {
        for text in fonts.wrap(locale.word(key), style(13.5), width - 100.0) {
            sheet.text(x + 76.0, line, style(13.5), &text);
            line += 19.0;
        }
    }
    sheet.fill(x, y + height - 46.0, width, 46.0, [240, 240, 240]);
    for (offset, key, colour) in [
        (200.0, "ok", [0, 95, 184]),
        (100.0, "cancel", [251, 251, 251]),
    ] {
        let left = x + width - offset - 8.0;
        let top = y + height - 37.0;
        sheet.fill(left, top, 92.0, 28.0, colour);
        sheet.frame(left, top, 92.0, 28.0, [204, 204, 204]);
        let text = style(13.0).colour(if key == "ok" { WHITE } else { BLACK });
        sheet.text_centre(fonts, left + 46.0, top + 19.0, text, locale.word(key));
    }
    sheet
}

/// A list on the screen of a phone.
pub(super) fn phone(subject: &Subject<'_>, fonts: &Fonts, rng: &mut ChaCha8Rng) -> Sheet {
    let locale = &subject.locale;
    let (width, height) = (750.0, 1334.0);
    let mut sheet = Sheet::new(width, height);
    sheet.fill(0.0, 0.0, width, height, [242, 242, 247]);
    sheet.fill(0.0, 0.0, width, 176.0, [249, 249, 249]);
    let clock = style(26.0).bold();
    let time = subject.made.format("%H:%M").to_string();
    sheet.text(40.0, 36.0, clock, &time);
    sheet.frame(670.0, 16.0, 46.0, 22.0, BLACK);
    let charge = f32::from(rng.random_range(6..42_u8));
    sheet.fill(672.0, 18.0, charge, 18.0, BLACK);
    for bar in 0..4_u8 {
        let high = 6.0 + 4.0 * f32::from(bar);
        sheet.fill(590.0 + 9.0 * f32::from(bar), 38.0 - high, 6.0, high, BLACK);
    }
    let heading = style(40.0).bold();
    let name = fonts.cut(&subject.heading, heading, width - 80.0);
    sheet.text(40.0, 136.0, heading, &name);
    sheet.fill(0.0, 175.0, width, 1.0, [200, 200, 204]);
    let mut y = 200.0;
    let lines = figures::task_lines(subject, rng.random_range(7..=9), rng);
    for line in &lines {
        sheet.fill(0.0, y, width, 116.0, WHITE);
        let main = style(31.0);
        let small = style(25.0).colour([130, 130, 136]);
        let text = fonts.cut(line.task, main, width - 120.0);
        sheet.text(40.0, y + 48.0, main, &text);
        let under = format!(
            "{} · {} · {}",
            line.owner,
            locale.date(line.due),
            line.status
        );
        let under = fonts.cut(&under, small, width - 120.0);
        sheet.text(40.0, y + 90.0, small, &under);
        sheet.shapes.push(Shape::Path {
            points: vec![
                (width - 50.0, y + 46.0),
                (width - 38.0, y + 58.0),
                (width - 50.0, y + 70.0),
            ],
            width: 3.5,
            colour: [196, 196, 199],
        });
        sheet.fill(40.0, y + 115.0, width - 40.0, 1.0, [200, 200, 204]);
        y += 116.0;
    }
    sheet.fill(width / 2.0 - 134.0, height - 20.0, 268.0, 9.0, BLACK);
    sheet
}
