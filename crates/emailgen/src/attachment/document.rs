//! Pages as a colleague lays them out: reports, minutes, plans, tables.

use chrono::TimeDelta;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::drawing::{BLACK, Colour, Fonts, Shape, Sheet, Style, WHITE, style};
use super::raster::{self, Pixels};
use super::{Producer, Subject, figures, picture, some_of};

/// A document before it becomes a file.
pub(super) struct Document {
    pub(super) pages: Vec<Sheet>,
    /// Key of the word that a file name may have.
    pub(super) word: &'static str,
}

/// A document about the subject. `paper` is for one that was printed, signed and scanned.
pub(super) fn write(
    subject: &Subject<'_>,
    fonts: &Fonts,
    paper: bool,
    rng: &mut ChaCha8Rng,
) -> Document {
    let mut flow = Flow::new(subject, fonts);
    let table_only = subject.request.producer == Producer::Excel && !paper;
    let word = match rng.random_range(0..10) {
        _ if table_only => cost_table(&mut flow, rng),
        0..4 => report(&mut flow, rng),
        4..7 => minutes(&mut flow, rng),
        _ => plan(&mut flow, rng),
    };
    if paper {
        flow.sign(rng);
    }
    Document {
        pages: flow.finish(),
        word,
    }
}

/// Colours that companies have: dark enough for white letters.
const HOUSE_COLOURS: [Colour; 8] = [
    [31, 78, 121],
    [47, 84, 150],
    [0, 97, 92],
    [127, 29, 45],
    [64, 64, 64],
    [88, 66, 128],
    [191, 87, 0],
    [56, 87, 35],
];

/// The colour of the sender's company.
pub(super) fn house_colour(subject: &Subject<'_>) -> Colour {
    let number = subject.house("colour") as usize % HOUSE_COLOURS.len();
    HOUSE_COLOURS.get(number).copied().unwrap_or(BLACK)
}

fn report(flow: &mut Flow<'_>, rng: &mut ChaCha8Rng) -> &'static str {
    let locale = &flow.subject.locale;
    flow.title();
    flow.byline();
    flow.heading(locale.word("summary"));
    let paragraphs = rng.random_range(1..=3);
    flow.sentences(paragraphs, rng);
    flow.heading(locale.word("costs"));
    let count = rng.random_range(5..=14);
    flow.cost_lines(count, rng);
    if rng.random_bool(0.6) {
        let heading = format!("{} / {}", locale.word("planned"), locale.word("actual"));
        flow.need(flow.chart_height() + 60.0);
        flow.heading(&heading);
        flow.chart(rng);
    }
    flow.heading(locale.word("next"));
    let count = rng.random_range(2..=5);
    flow.bullets(&some_of(&locale.words("tasks"), count, rng));
    if rng.random_bool(0.4) {
        flow.sentences(1, rng);
    }
    "report"
}

fn cost_table(flow: &mut Flow<'_>, rng: &mut ChaCha8Rng) -> &'static str {
    flow.title();
    flow.byline();
    let count = rng.random_range(14..=60);
    flow.cost_lines(count, rng);
    if rng.random_bool(0.7) {
        flow.space(14.0);
        flow.chart(rng);
    }
    "costs"
}

fn minutes(flow: &mut Flow<'_>, rng: &mut ChaCha8Rng) -> &'static str {
    let locale = &flow.subject.locale;
    flow.title();
    flow.byline();
    let mut present = vec![flow.subject.author.clone()];
    present.extend(flow.subject.people.iter().take(12).cloned());
    flow.line(&format!(
        "{}: {}",
        locale.word("present"),
        present.join(", ")
    ));
    flow.heading(locale.word("agenda"));
    let count = rng.random_range(3..=6);
    let points = some_of(&locale.words("points"), count, rng);
    flow.bullets(&points);
    for (index, point) in points.iter().enumerate() {
        flow.heading(&format!("{}. {point}", index + 1));
        let paragraphs = rng.random_range(1..=2);
        flow.sentences(paragraphs, rng);
    }
    flow.heading(locale.word("actions"));
    let count = rng.random_range(3..=8);
    flow.tasks(count, rng);
    "minutes"
}

fn plan(flow: &mut Flow<'_>, rng: &mut ChaCha8Rng) -> &'static str {
    let locale = &flow.subject.locale;
    flow.title();
    flow.byline();
    flow.sentences(1, rng);
    flow.heading(locale.word("timeline"));
    let phases = locale.words("phases");
    // Open, in progress, done, waiting: in this order in every language.
    let statuses = locale.words("statuses");
    let count = rng.random_range(4..=phases.len().max(5));
    let mut day = figures::working_day(
        flow.subject.made.date_naive() - TimeDelta::days(rng.random_range(5..40)),
    );
    let first = day;
    let mut bars = Vec::new();
    let mut rows = Vec::new();
    for phase in phases.iter().take(count) {
        let end = figures::working_day(day + TimeDelta::days(rng.random_range(3..24)));
        let made = flow.subject.made.date_naive();
        let status = match (day <= made, end < made) {
            (_, true) => 2,
            (true, false) => 1,
            (false, false) => 0,
        };
        let status = statuses.get(status).copied().unwrap_or_default();
        rows.push(vec![
            (*phase).to_owned(),
            locale.date(day),
            locale.date(end),
            flow.subject.anybody(rng).to_owned(),
            status.to_owned(),
        ]);
        bars.push((*phase, (day - first).num_days(), (end - first).num_days()));
        day = figures::working_day(end + TimeDelta::days(1));
    }
    let head = ["phase", "start", "end", "owner", "status"].map(|key| locale.word(key));
    flow.table(&head, &[3.0, 1.7, 1.7, 2.6, 1.8], &[], &rows, None);
    flow.gantt(&bars, (day - first).num_days());
    flow.heading(locale.word("tasks_name"));
    let count = rng.random_range(3..=9);
    flow.tasks(count, rng);
    if rng.random_bool(0.5) {
        flow.heading(locale.word("costs"));
        let count = rng.random_range(4..=9);
        flow.cost_lines(count, rng);
    }
    flow.heading(locale.word("summary"));
    flow.sentences(1, rng);
    "plan"
}

/// Lays things out below each other, on as many pages as they need.
struct Flow<'a> {
    subject: &'a Subject<'a>,
    fonts: &'a Fonts,
    pages: Vec<Sheet>,
    page: Sheet,
    y: f32,
    margin: f32,
    body: f32,
    colour: Colour,
    logo: bool,
    /// Not said yet, in random order.
    sentences: Vec<&'static str>,
}

impl<'a> Flow<'a> {
    fn new(subject: &'a Subject<'a>, fonts: &'a Fonts) -> Flow<'a> {
        let (width, height) = page_size(subject);
        // Word and Google leave an inch, LibreOffice two centimetres.
        let margin = match subject.request.producer {
            Producer::LibreOffice => 56.7,
            Producer::Excel => 50.4,
            _ => 72.0,
        };
        let mut flow = Flow {
            subject,
            fonts,
            pages: Vec::new(),
            page: Sheet::new(width, height),
            y: margin,
            margin,
            body: if subject.habit("text size").is_multiple_of(3) {
                10.0
            } else {
                11.0
            },
            colour: house_colour(subject),
            logo: !subject.house("letterhead").is_multiple_of(4),
            sentences: Vec::new(),
        };
        if flow.logo {
            flow.letterhead();
        }
        flow
    }

    fn width(&self) -> f32 {
        self.page.width - 2.0 * self.margin
    }

    fn text(&self) -> Style {
        style(self.body)
    }

    fn space(&mut self, height: f32) {
        self.y += height;
    }

    /// Makes room, on a new page if there is none.
    fn need(&mut self, height: f32) {
        if self.y + height > self.page.height - self.margin {
            let next = Sheet::new(self.page.width, self.page.height);
            self.pages.push(std::mem::replace(&mut self.page, next));
            self.y = self.margin;
        }
    }

    /// The mark of the company, a picture as letterheads have it.
    fn letterhead(&mut self) {
        let pixels = picture::logo(self.subject, self.fonts);
        let height = 30.0;
        #[expect(clippy::cast_precision_loss, reason = "some hundred pixels")]
        let width = height * pixels.columns as f32 / pixels.rows as f32;
        let x = if self.subject.house("logo side").is_multiple_of(2) {
            self.page.width - self.margin - width
        } else {
            self.margin
        };
        let y = self.margin * 0.5;
        self.picture(x, y, width, height, pixels);
        self.y = self.y.max(y + height + 24.0);
    }

    fn picture(&mut self, x: f32, y: f32, width: f32, height: f32, pixels: Pixels) {
        self.page.shapes.push(Shape::Picture {
            x,
            y,
            width,
            height,
            columns: pixels.columns,
            rows: pixels.rows,
            pixels: pixels.bytes,
        });
    }

    fn title(&mut self) {
        let title = match self.subject.request.producer {
            Producer::GoogleDocs => style(24.0),
            Producer::Excel => style(14.0).bold(),
            Producer::Word => style(20.0).colour(self.colour),
            _ => style(18.0).bold(),
        };
        for line in self.fonts.wrap(&self.subject.heading, title, self.width()) {
            self.need(title.size * 1.3);
            self.y += title.size;
            self.page.text(self.margin, self.y, title, &line);
            self.y += title.size * 0.3;
        }
        self.y += 4.0;
    }

    fn byline(&mut self) {
        let date = self
            .subject
            .locale
            .long_date(self.subject.made.date_naive());
        let grey = style(self.body - 1.0).colour([89, 89, 89]);
        let line = format!("{} – {date}", self.subject.author);
        self.y += grey.size;
        let line = self.fonts.cut(&line, grey, self.width());
        self.page.text(self.margin, self.y, grey, &line);
        self.y += 6.0;
        if self.subject.house("rule").is_multiple_of(2) {
            let width = self.width();
            self.page
                .fill(self.margin, self.y, width, 0.75, self.colour);
        }
        self.y += 10.0;
    }

    fn heading(&mut self, text: &str) {
        let heading = style(self.body + 2.5).bold().colour(self.colour);
        // Never the last thing on a page.
        self.need(heading.size * 4.5);
        self.y += heading.size * 1.7;
        let text = self.fonts.cut(text, heading, self.width());
        self.page.text(self.margin, self.y, heading, &text);
        self.y += 6.0;
    }

    fn line(&mut self, text: &str) {
        let plain = self.text();
        for line in self.fonts.wrap(text, plain, self.width()) {
            self.need(plain.size * 1.35);
            self.y += plain.size * 1.35;
            self.page.text(self.margin, self.y, plain, &line);
        }
    }

    /// Paragraphs of two to four sentences, none twice before all are used.
    fn sentences(&mut self, paragraphs: usize, rng: &mut ChaCha8Rng) {
        for _ in 0..paragraphs {
            let count = rng.random_range(2..=4);
            if self.sentences.len() < count {
                let all = self.subject.locale.words("sentences");
                self.sentences = some_of(&all, all.len(), rng);
            }
            let said = self.sentences.split_off(self.sentences.len() - count);
            self.line(&said.join(" "));
            self.y += self.body * 0.6;
        }
    }

    fn bullets(&mut self, items: &[&str]) {
        let plain = self.text();
        for item in items {
            self.need(plain.size * 1.4);
            self.y += plain.size * 1.4;
            self.page.text(self.margin + 12.0, self.y, plain, "•");
            let item = self.fonts.cut(item, plain, self.width() - 26.0);
            self.page.text(self.margin + 26.0, self.y, plain, &item);
        }
        self.y += self.body * 0.4;
    }

    /// A table. `shares` divide the width, `right` are the columns of numbers.
    fn table(
        &mut self,
        head: &[&str],
        shares: &[f32],
        right: &[usize],
        rows: &[Vec<String>],
        total: Option<Vec<String>>,
    ) {
        let cell = style(self.body - 1.5);
        let height = cell.size * 1.75;
        let sum: f32 = shares.iter().sum();
        let width = self.width();
        let filled = self.subject.house("table").is_multiple_of(2);
        self.need(height * 3.0);
        self.y += 6.0;
        let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
        let head_row = std::iter::once((&head, 'h'));
        let last = total.iter().map(|row| (row, 't'));
        for (index, (row, kind)) in head_row
            .chain(rows.iter().map(|row| (row, 'r')))
            .chain(last)
            .enumerate()
        {
            self.need(height);
            let look = match kind {
                'h' if filled => {
                    self.page
                        .fill(self.margin, self.y, width, height, self.colour);
                    cell.bold().colour(WHITE)
                }
                'h' | 't' => cell.bold(),
                _ => {
                    if filled && index % 2 == 0 {
                        self.page
                            .fill(self.margin, self.y, width, height, [240, 242, 245]);
                    }
                    cell
                }
            };
            let mut x = self.margin;
            for (column, text) in row.iter().enumerate() {
                let share = shares.get(column).copied().unwrap_or(1.0);
                let wide = width * share / sum;
                let text = self.fonts.cut(text, look, wide - 6.0);
                let base = self.y + height * 0.68;
                if right.contains(&column) {
                    self.page
                        .text_right(self.fonts, x + wide - 3.0, base, look, &text);
                } else {
                    self.page.text(x + 3.0, base, look, &text);
                }
                x += wide;
            }
            self.y += height;
            let line = if kind == 'r' {
                [208, 208, 208]
            } else {
                [90, 90, 90]
            };
            self.page.fill(self.margin, self.y - 0.5, width, 0.5, line);
        }
        self.y += 8.0;
    }

    fn cost_lines(&mut self, count: usize, rng: &mut ChaCha8Rng) {
        let locale = &self.subject.locale;
        let lines = figures::cost_lines(self.subject, count, rng);
        let rows: Vec<Vec<String>> = lines
            .iter()
            .map(|line| {
                vec![
                    locale.date(line.date),
                    line.item.to_owned(),
                    line.department.to_owned(),
                    line.quantity.to_string(),
                    locale.grouped(line.price),
                    locale.grouped(line.amount()),
                ]
            })
            .collect();
        let sum = lines.iter().map(figures::CostLine::amount).sum();
        let total = vec![
            locale.word("total").to_owned(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            locale.money(sum),
        ];
        let head = ["date", "item", "department", "quantity", "price", "amount"];
        self.table(
            &head.map(|key| locale.word(key)),
            &[1.7, 2.9, 2.0, 1.2, 2.0, 2.1],
            &[3, 4, 5],
            &rows,
            Some(total),
        );
    }

    fn tasks(&mut self, count: usize, rng: &mut ChaCha8Rng) {
        let locale = &self.subject.locale;
        let rows: Vec<Vec<String>> = figures::task_lines(self.subject, count, rng)
            .into_iter()
            .map(|line| {
                vec![
                    line.task.to_owned(),
                    line.owner,
                    locale.date(line.due),
                    line.status.to_owned(),
                ]
            })
            .collect();
        let head = ["task", "owner", "due", "status"].map(|key| locale.word(key));
        self.table(&head, &[4.2, 2.3, 1.6, 1.5], &[], &rows, None);
    }

    fn chart_height(&self) -> f32 {
        self.width() * 0.46
    }

    /// A chart: pasted as a picture by office programs, drawn by the others.
    fn chart(&mut self, rng: &mut ChaCha8Rng) {
        let (width, height) = (self.width() * 0.9, self.chart_height());
        self.need(height + 10.0);
        self.y += 6.0;
        let chart = picture::chart(self.subject, self.fonts, (640.0, 327.0), rng);
        if matches!(
            self.subject.request.producer,
            Producer::Word | Producer::GoogleDocs
        ) {
            let scale = rng.random_range(1.2..2.0);
            let pixels = raster::draw(&chart, self.fonts, scale);
            self.picture(self.margin, self.y, width, height, pixels);
        } else {
            let scale = width / chart.width;
            for mut shape in chart.shapes {
                shape.place(self.margin, self.y, scale);
                self.page.shapes.push(shape);
            }
        }
        self.y += height + 6.0;
    }

    /// Bars over time, one for each phase.
    fn gantt(&mut self, bars: &[(&str, i64, i64)], days: i64) {
        let label = style(self.body - 2.0);
        let height = label.size * 1.8;
        #[expect(clippy::cast_precision_loss, reason = "half a year at most")]
        let height_all = height * bars.len() as f32;
        self.need(height_all + 12.0);
        self.y += 4.0;
        let left = self.margin + self.width() * 0.26;
        let right = self.page.width - self.margin;
        #[expect(clippy::cast_precision_loss, reason = "some hundred days")]
        let place = |day: i64| left + (right - left) * day as f32 / days.max(1) as f32;
        for week in 0..=days / 7 {
            let x = place(week * 7);
            self.page.fill(x, self.y, 0.4, height_all, [210, 210, 210]);
        }
        for (name, from, to) in bars {
            let name = self.fonts.cut(name, label, left - self.margin - 6.0);
            self.page
                .text(self.margin, self.y + height * 0.68, label, &name);
            self.page.fill(
                place(*from),
                self.y + height * 0.2,
                place(*to) - place(*from),
                height * 0.6,
                self.colour,
            );
            self.y += height;
        }
        self.y += 10.0;
    }

    /// Place, date and a signature in ink.
    fn sign(&mut self, rng: &mut ChaCha8Rng) {
        self.need(90.0);
        self.y += 64.0;
        let small = style(self.body - 1.5);
        let x = self.margin;
        self.page
            .shapes
            .push(picture::signature(x + 14.0, self.y - 8.0, rng));
        self.page.fill(x, self.y, 190.0, 0.6, BLACK);
        let label = format!(
            "{}, {}",
            self.subject.locale.word("signed"),
            self.subject.author
        );
        let label = self.fonts.cut(&label, small, self.width());
        self.page.text(x, self.y + 12.0, small, &label);
        let date = self.subject.locale.date(self.subject.made.date_naive());
        self.page.text(x + 230.0, self.y - 3.0, self.text(), &date);
        self.y += 20.0;
    }

    fn finish(mut self) -> Vec<Sheet> {
        self.pages.push(self.page);
        let count = self.pages.len();
        let numbered = count > 1 || self.subject.house("page numbers").is_multiple_of(3);
        if numbered {
            let small = style(8.5).colour([110, 110, 110]);
            for (index, page) in self.pages.iter_mut().enumerate() {
                let text = self
                    .subject
                    .locale
                    .word("page")
                    .replace("{n}", &(index + 1).to_string())
                    .replace("{m}", &count.to_string());
                let (x, y) = (page.width / 2.0, page.height - self.margin * 0.55);
                page.text_centre(self.fonts, x, y, small, &text);
            }
        }
        self.pages
    }
}

/// Paper of the region, in points.
pub(super) fn page_size(subject: &Subject<'_>) -> (f32, f32) {
    if subject.locale.letter {
        (612.0, 792.0)
    } else if subject.request.producer == Producer::LibreOffice {
        (595.304, 841.89)
    } else {
        (595.32, 841.92)
    }
}
