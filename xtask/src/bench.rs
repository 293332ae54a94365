//! `cargo xtask bench`: what decnet costs, each figure beside its limit in the same run.
//!
//! The limit of a tick is `bare_tick` of the store: two durable commits and two files put in place
//! by rename, with nothing decided and nothing written. Figures are for reading, not for tests:
//! machines are noisy, ratios less so.

mod background;
mod heal;
mod memory;
mod sessions;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs of a process of which the median is taken.
const PROCESS_RUNS: usize = 101;
/// Processes whose memory is looked at one by one.
const MEMORY_RUNS: usize = 41;
/// Ticks of a loop with and without waiting for the disk.
const DURABLE_TICKS: u32 = 600;
const FAST_TICKS: u32 = 3_000;
/// The large world.
const DECKIES: u32 = 1_000_000;
/// A Friday morning, when everybody is at work.
const NOW: &str = "2026-03-06T10:00:00Z";

/// Measures into a folder, with fewer and smaller worlds if the last is true.
type Measure = fn(&Programs, &Path, bool) -> Result<()>;

/// What can be measured alone: its folder, the option that names it, and what measures it.
const PARTS: [(&str, &str, Measure); 4] = [
    ("sessions", "--sessions", sessions::measure),
    ("heal", "--heal", heal::measure),
    ("background", "--background", background::measure),
    ("memory", "--memory", memory::measure),
];

/// Measures everything and prints a table, or only the [parts](PARTS) that are named. `--quick` leaves
/// out the large worlds.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let [first, rest @ ..] = arguments
        && first == MEASURE
    {
        return measure(rest);
    }
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let quick = has("--quick");
    let named = PARTS.into_iter().filter(|(_, option, _)| has(option));
    let named: Vec<_> = named.collect();
    let programs = build()?;
    let dir = tempdir()?;
    println!(
        "figure                                        measured        limit      ratio   goal"
    );
    let measured = if named.is_empty() {
        with_files(&programs, &dir, quick)
    } else {
        parts(&named, &programs, &dir, quick)
    };
    // Gigabytes, whatever went wrong.
    fs::remove_dir_all(&dir)?;
    measured?;
    if !named.is_empty() {
        return Ok(());
    }
    println!("\ncomposing one message (goal <= 60 us), and one text (offline writer):");
    let print = |example: &(PathBuf, Vec<&str>)| -> Result<()> {
        let output = Command::new(&example.0).args(&example.1).output()?;
        print!("{}", String::from_utf8_lossy(&output.stdout));
        Ok(())
    };
    print(&programs.compose_time)?;
    print(&programs.offline_corpus)?;
    println!("\nreading what a model wrote (goal >= 200 MB/s):");
    print(&programs.parse_speed)
}

/// All that writes files, below `dir`.
fn with_files(programs: &Programs, dir: &Path, quick: bool) -> Result<()> {
    let world = World::new(programs, &dir.join("small"))?;
    one_process(programs, &world, dir)?;
    loops(programs, &world, dir)?;
    ledger_growth(programs, dir)?;
    model(programs, dir)?;
    if !quick {
        deckies(programs, dir)?;
    }
    parts(&PARTS, programs, dir, quick)?;
    println!("\nfinding tells (goal >= 50,000 messages/s):");
    let mut scan = Command::new(&programs.scan_speed);
    let output = scan.arg(dir.join("small")).output()?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

fn parts(
    parts: &[(&str, &str, Measure)],
    programs: &Programs,
    dir: &Path,
    quick: bool,
) -> Result<()> {
    for (folder, _, measure) in parts {
        let dir = dir.join(folder);
        fs::create_dir_all(&dir)?;
        measure(programs, &dir, quick)?;
    }
    Ok(())
}

/// The programs that are measured, in release builds.
struct Programs {
    decnet: PathBuf,
    bare_tick: PathBuf,
    large_world: PathBuf,
    compose_time: (PathBuf, Vec<&'static str>),
    offline_corpus: (PathBuf, Vec<&'static str>),
    parse_speed: (PathBuf, Vec<&'static str>),
    scan_speed: PathBuf,
    client_cost: PathBuf,
    session_speed: PathBuf,
    heal_speed: PathBuf,
    background_speed: PathBuf,
    memory_speed: PathBuf,
}

fn build() -> Result<Programs> {
    let cargo = |arguments: &[&str]| -> Result<()> {
        let status = Command::new("cargo")
            .arg("build")
            .arg("--release")
            .args(arguments)
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err("the release build failed".into())
        }
    };
    cargo(&["--package", "decnet"])?;
    cargo(&["--package", "decnet-store", "--examples"])?;
    cargo(&["--package", "decnet-emailgen", "--examples"])?;
    cargo(&["--package", "decnet-realism", "--examples"])?;
    cargo(&["--package", "decnet-session-pipeline", "--examples"])?;
    let metadata = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout)?;
    let target = PathBuf::from(metadata["target_directory"].as_str().unwrap_or("target"));
    let release = target.join("release");
    let example = |name: &str| release.join("examples").join(name);
    Ok(Programs {
        decnet: release.join("decnet"),
        bare_tick: example("bare_tick"),
        large_world: example("large_world"),
        compose_time: (example("compose_time"), Vec::new()),
        offline_corpus: (example("offline_corpus"), vec!["en", "300"]),
        parse_speed: (example("parse_speed"), Vec::new()),
        scan_speed: example("scan_speed"),
        client_cost: example("client_cost"),
        session_speed: example("session_speed"),
        heal_speed: example("heal_speed"),
        background_speed: example("background_speed"),
        memory_speed: example("memory_speed"),
    })
}

/// A folder on the disk that the project is on: `/tmp` may be memory.
fn tempdir() -> Result<PathBuf> {
    let dir = std::env::current_dir()?
        .join("target")
        .join(format!("bench-{}", std::process::id()));
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// A world with a durable and a fast configuration.
struct World {
    durable: PathBuf,
    fast: PathBuf,
}

impl World {
    fn new(programs: &Programs, dir: &Path) -> Result<Self> {
        let decnet = |arguments: &[&str]| quiet(Command::new(&programs.decnet).args(arguments));
        let name = dir.to_string_lossy().into_owned();
        decnet(&["init", "--dir", &name])?;
        let durable = dir.join("decnet.toml");
        let world = dir.join("world.toml");
        decnet(&[
            "--config",
            &durable.to_string_lossy(),
            "world",
            "apply",
            &world.to_string_lossy(),
        ])?;
        let fast = dir.join("fast.toml");
        let text = fs::read_to_string(&durable)?.replace("# durable = true", "durable = false");
        fs::write(&fast, text)?;
        Ok(Self { durable, fast })
    }
}

/// One durable tick as a process of its own.
fn one_process(programs: &Programs, world: &World, dir: &Path) -> Result<()> {
    let bare_dir = dir.join("bare-process");
    fs::create_dir_all(&bare_dir)?;
    let bare_command = [
        &*programs.bare_tick,
        &*bare_dir,
        "1".as_ref(),
        "durable".as_ref(),
    ]
    .map(|part| part.to_string_lossy().into_owned());
    let bare = processes(&bare_command, PROCESS_RUNS)?;
    for program in [&programs.bare_tick, &programs.decnet] {
        forget_pages(program)?;
    }
    let config = world.durable.to_string_lossy();
    let options = ["--config", &*config];
    let tick = tick_process(programs, &options)?;
    row(
        "one tick as a process, median",
        &format!("{:.2} ms", tick.median_ms),
        &format!("{:.2} ms", bare.median_ms),
        tick.median_ms / bare.median_ms,
        "<= 8 ms",
    );
    let bare_memory = median_memory(&bare_command)?;
    let memory = median_memory(&tick_command(programs, &options))?;
    row(
        "  its memory, median",
        &format!("{memory:.1} MiB"),
        &format!("{bare_memory:.1} MiB"),
        memory / bare_memory,
        "<= 10 MiB",
    );
    row(
        "  its memory, most",
        &format!("{:.1} MiB", tick.memory_mib),
        &format!("{:.1} MiB", bare.memory_mib),
        tick.memory_mib / bare.memory_mib,
        "<= 10 MiB",
    );
    Ok(())
}

/// Many ticks in one process.
fn loops(programs: &Programs, world: &World, dir: &Path) -> Result<()> {
    let bare = |mode: &str, count: u32| -> Result<f64> {
        let dir = dir.join(format!("bare-{mode}"));
        fs::create_dir_all(&dir)?;
        let output = Command::new(&programs.bare_tick)
            .args([&*dir.to_string_lossy(), &count.to_string(), mode])
            .output()?;
        let seconds: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
        Ok(f64::from(count) / seconds)
    };
    let ours = |config: &Path, count: u32, group: &str| -> Result<f64> {
        let start = Instant::now();
        quiet(Command::new(&programs.decnet).args([
            "--config",
            &*config.to_string_lossy(),
            "emailgen",
            "tick",
            "--quiet",
            "--now",
            NOW,
            "--count",
            &count.to_string(),
            "--group",
            group,
        ]))?;
        Ok(f64::from(count) / start.elapsed().as_secs_f64())
    };
    let rate = |rate: f64| format!("{rate:.0}/s");
    let fast_limit = bare("fast", FAST_TICKS)?;
    let fast = ours(&world.fast, FAST_TICKS, "1")?;
    row(
        "loop, without syncs",
        &rate(fast),
        &rate(fast_limit),
        fast / fast_limit,
        ">= 3,000/s",
    );
    let fast = ours(&world.fast, FAST_TICKS, "128")?;
    row(
        "  commits shared",
        &rate(fast),
        &rate(fast_limit),
        fast / fast_limit,
        "",
    );
    let durable_limit = bare("durable", DURABLE_TICKS)?;
    let durable = ours(&world.durable, DURABLE_TICKS, "1")?;
    row(
        "loop, durable",
        &rate(durable),
        &rate(durable_limit),
        durable / durable_limit,
        ">= 0.7",
    );
    let grouped = ours(&world.durable, DURABLE_TICKS, "128")?;
    row(
        "  commits shared",
        &rate(grouped),
        &rate(durable_limit),
        grouped / durable_limit,
        ">= 2.1",
    );
    Ok(())
}

/// A tick when the ledger holds many mails, beside one when it is empty.
fn ledger_growth(programs: &Programs, dir: &Path) -> Result<()> {
    let world = World::new(programs, &dir.join("growing"))?;
    let config = world.fast.to_string_lossy().into_owned();
    let empty = tick_process(programs, &["--config", &config])?;
    quiet(Command::new(&programs.decnet).args([
        "--config", &config, "emailgen", "tick", "--quiet", "--now", NOW, "--count", "50000",
    ]))?;
    let full = tick_process(programs, &["--config", &config])?;
    row(
        "tick with 50,000 mails, beside with 100",
        &format!("{:.2} ms", full.median_ms),
        &format!("{:.2} ms", empty.median_ms),
        full.median_ms / empty.median_ms,
        "",
    );
    Ok(())
}

/// What a language model costs beside its own time: the client, and a tick that passes it over.
fn model(programs: &Programs, dir: &Path) -> Result<()> {
    let output = Command::new(&programs.client_cost).output()?;
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()?;
    let [client, bare, memory, growth] = numbers[..] else {
        return Err(format!("client_cost printed {text:?}").into());
    };
    row(
        "model's client, one answer",
        &format!("{client:.0} us"),
        &format!("{bare:.0} us"),
        client / bare,
        "<= 1 ms more",
    );
    let mib = |kib: f64| format!("{:.2} MiB", kib / 1_024.0);
    println!(
        "{:<42} {:>12} {:>12} {:>10}   <= 2 MiB",
        "  its memory; growth in 1,000 answers",
        mib(memory),
        mib(growth),
        "",
    );
    let world = World::new(programs, &dir.join("passed-over"))?;
    let offline = tick_process(programs, &["--config", &world.durable.to_string_lossy()])?;
    let with_model = world.durable.with_file_name("model.toml");
    // Nothing listens on the discard port: the first tick opens the breaker, for an hour.
    let text = fs::read_to_string(&world.durable)?.replace(
        "[llm]",
        "[llm]\nbackend = \"ollama\"\nbase_url = \"http://127.0.0.1:9\"\n\
         breaker_failures = 1\nbreaker_cooldown = \"1h\"",
    );
    fs::write(&with_model, text)?;
    let open = tick_process(programs, &["--config", &with_model.to_string_lossy()])?;
    row(
        "tick with its breaker open, beside offline",
        &format!("{:.2} ms", open.median_ms),
        &format!("{:.2} ms", offline.median_ms),
        open.median_ms / offline.median_ms,
        "<= 1 ms more",
    );
    Ok(())
}

/// A tick among a million deckies beside one among ten.
fn deckies(programs: &Programs, dir: &Path) -> Result<()> {
    let world = |name: &str, deckies: u32, who: &str| -> Result<Process> {
        let dir = dir.join(name);
        let (state, root) = (dir.join("state"), dir.join("root"));
        fs::create_dir_all(&state)?;
        fs::create_dir_all(&root)?;
        quiet(Command::new(&programs.large_world).args([
            &*state.join("decnet.db").to_string_lossy(),
            &*root.to_string_lossy(),
            &deckies.to_string(),
            who,
        ]))?;
        let measured = tick_process(programs, &["--state-dir", &state.to_string_lossy()])?;
        fs::remove_dir_all(&dir)?;
        Ok(measured)
    };
    let few = world("few", 10, "all")?;
    for (who, name) in [
        ("all", "tick among 1,000,000 deckies"),
        ("one", "  of which one can send"),
    ] {
        let many = world(who, DECKIES, who)?;
        row(
            name,
            &format!("{:.2} ms", many.median_ms),
            &format!("{:.2} ms", few.median_ms),
            many.median_ms / few.median_ms,
            "<= 2",
        );
    }
    Ok(())
}

/// What a process costs.
struct Process {
    median_ms: f64,
    memory_mib: f64,
}

fn tick_process(programs: &Programs, options: &[&str]) -> Result<Process> {
    processes(&tick_command(programs, options), PROCESS_RUNS)
}

fn tick_command(programs: &Programs, options: &[&str]) -> Vec<String> {
    let program = programs.decnet.to_string_lossy();
    let tick = ["emailgen", "tick", "--quiet", "--now", NOW];
    let words = std::iter::once(&*program).chain(options.iter().copied());
    words.chain(tick).map(str::to_owned).collect()
}

/// The memory that half of the runs of a command stay below, in MiB.
fn median_memory(command: &[String]) -> Result<f64> {
    let runs = (0..MEMORY_RUNS).map(|_| Ok(processes(command, 1)?.memory_mib));
    let mut sizes = runs.collect::<Result<Vec<f64>>>()?;
    sizes.sort_by(f64::total_cmp);
    sizes
        .get(MEMORY_RUNS / 2)
        .copied()
        .ok_or_else(|| "nothing was run".into())
}

/// Runs a command so many times, in a process of its own so that only its memory is counted.
fn processes(command: &[String], runs: usize) -> Result<Process> {
    let output = Command::new(std::env::current_exe()?)
        .args(["bench", MEASURE, &runs.to_string()])
        .args(command)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut fields = text.split_whitespace().map(str::parse::<f64>);
    let (Some(Ok(median_ms)), Some(Ok(memory_mib))) = (fields.next(), fields.next()) else {
        return Err(format!(
            "{command:?} could not be measured: {}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    };
    Ok(Process {
        median_ms,
        memory_mib,
    })
}

/// Makes this program measure a command instead.
const MEASURE: &str = "--measure";

/// Runs a command as often as the first word says, and prints its median time in milliseconds and
/// the most memory that one run had resident, in MiB.
fn measure(words: &[String]) -> Result<()> {
    let [runs, program, arguments @ ..] = words else {
        return Err("nothing to measure".into());
    };
    let runs: usize = runs.parse()?;
    let mut times: Vec<Duration> = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        quiet(Command::new(program).args(arguments))?;
        times.push(start.elapsed());
    }
    times.sort();
    let median = times.get(runs / 2).copied().unwrap_or_default();
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN)?;
    println!(
        "{} {}",
        median.as_secs_f64() * 1e3,
        usage.max_rss() as f64 / 1024.0
    );
    Ok(())
}

fn quiet(command: &mut Command) -> Result<()> {
    let status = command.stdout(Stdio::null()).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?} failed: {status}").into())
    }
}

fn row(name: &str, measured: &str, limit: &str, ratio: f64, goal: &str) {
    let ratio = if ratio.is_nan() {
        String::new()
    } else {
        format!("{ratio:.2}")
    };
    println!("{name:<42} {measured:>12} {limit:>12} {ratio:>10}   {goal}");
}

/// Numbers by name.
struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// The number of this name; none is not a number.
    fn of(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(f64::NAN)
    }
}

/// What a program prints: lines of a name and a number.
fn output(command: &mut Command) -> Result<Figures> {
    let output = command.output()?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} failed: {why}").into());
    }
    let figures = String::from_utf8(output.stdout)?
        .lines()
        .map(|line| {
            let (name, number) = line.split_once(' ').ok_or("a line without a number")?;
            Ok((name.to_owned(), number.parse()?))
        })
        .collect::<Result<_>>()?;
    Ok(Figures(figures))
}

/// Waits until what was written is on the disk, so that nobody else's commit waits for it.
fn settle() -> Result<()> {
    quiet(&mut Command::new("sync"))
}

/// Takes a file out of the page cache. Pages of a program that was written or read as a whole lie
/// there in larger pieces, and a process has more of it resident.
fn forget_pages(path: &Path) -> Result<()> {
    // What is not on the disk yet cannot be taken out.
    settle()?;
    let file = format!("if={}", path.display());
    quiet(Command::new("dd").args([&*file, "iflag=nocache", "count=0", "status=none"]))
}

/// A time in the unit that suits it.
fn short(seconds: f64) -> String {
    match seconds {
        nan if nan.is_nan() => String::new(),
        below if below < 1e-3 => format!("{:.1} us", seconds * 1e6),
        below if below < 1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

fn mib(mib: f64) -> String {
    format!("{mib:.1} MiB")
}
