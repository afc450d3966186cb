//! How fast, how small: every figure of `make bench`, each beside what bounds it, measured in the same run.
//!
//! `make bench` runs everything; `make bench ONLY=commits` one part. Figures are for ratios: absolute values move from
//! machine to machine. Nothing here passes or fails: a benchmark reports.

mod agent;
mod browser;
mod commits;
mod gateway;
mod personas;
mod report;
mod sandbox;
mod scheduler;
mod tools;
mod verification;

use report::Report;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A part by its name, and how to measure it.
type Part = (&'static str, fn(&mut Report) -> anyhow::Result<()>);

const PARTS: &[Part] = &[
    ("commits", commits::measure),
    ("verification", verification::measure),
    ("personas", personas::measure),
    ("agent", agent::measure),
    ("browser", browser::measure),
    ("scheduler", scheduler::measure),
    ("sandbox", sandbox::measure),
    ("tools", tools::measure),
    ("gateway", gateway::measure),
];

fn main() -> anyhow::Result<()> {
    // Cargo adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if let [child, args @ ..] = wanted.as_slice()
        && child == personas::CHILD
    {
        return personas::child(args);
    }
    let mut report = Report::default();
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|part| part == name) {
            eprintln!("measuring {name} …");
            measure(&mut report)?;
        }
    }
    print!("{report}");
    Ok(())
}
