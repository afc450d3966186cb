//! How long a search among 5,000 tools takes, beside making the index that is searched; and the whole step that a model
//! waits for, with 5,000 folders on disk.

mod folders;

use anyhow::ensure;
use greenroom::tools::search::{About, Index};
use tokio::time::Instant;

use crate::report::{Aim, Line, Report};

const TOOLS: usize = 5_000;
const SEARCHES: usize = 5_000;
const WARM_UP: usize = 100;
/// Milliseconds of the slowest search in a hundred.
const AIM: f64 = 5.0;

const VERBS: [&str; 10] =
    ["write", "send", "count", "read", "publish", "convert", "compare", "fetch", "archive", "plan"];
const NOUNS: [&str; 20] = [
    "invoice",
    "letter",
    "picture",
    "posting",
    "table",
    "meeting",
    "report",
    "contract",
    "caption",
    "ticket",
    "payment",
    "customer",
    "address",
    "document",
    "schedule",
    "budget",
    "message",
    "weather",
    "translation",
    "receipt",
];
const MANNERS: [&str; 25] = [
    "quickly", "daily", "german", "french", "draft", "signed", "public", "private", "weekly", "large", "small", "old",
    "new", "shared", "secret", "paid", "open", "late", "early", "nested", "plain", "bulk", "single", "local", "remote",
];

/// Adds the lines.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let pick = |at: usize| (VERBS[at % 10], NOUNS[at / 10 % 20], MANNERS[at / 200 % 25]);
    let made: Vec<(String, String, Vec<String>)> = (0..TOOLS)
        .map(|at| {
            let (verb, noun, manner) = pick(at);
            let about =
                format!("Can {verb} one {manner} {noun} for a customer, and says what became of it. Number {at}.");
            (format!("{verb}_{manner}_{noun}_{at}"), about, vec![noun.to_owned(), manner.to_owned()])
        })
        .collect();
    folders::measure(report, &made, |round| query(pick(round.wrapping_mul(7_919) % TOOLS)))?;
    let abouts = made.iter().map(|(name, description, keywords)| About { name, description, keywords });
    let began = Instant::now();
    let index = Index::new(abouts);
    let indexed = began.elapsed();
    let mut took = Vec::with_capacity(SEARCHES);
    for round in 0..WARM_UP + SEARCHES {
        let (verb, noun, manner) = pick(round.wrapping_mul(7_919) % TOOLS);
        let query = query((verb, noun, manner));
        let began = Instant::now();
        let found = index.search(&query, 8);
        let one = began.elapsed();
        ensure!(found.len() == 8, "{query}: {} found", found.len());
        let fits = |name: &str| name.contains(verb) && name.contains(noun) && name.contains(manner);
        ensure!(found.iter().any(|at| fits(&made[*at].0)), "{query}: not among the eight that were found");
        if round >= WARM_UP {
            took.push(one.as_secs_f64() * 1_000.0);
        }
    }
    took.sort_unstable_by(f64::total_cmp);
    for (percentile, aim) in [(50, false), (99, true)] {
        let value = took[took.len() * percentile / 100];
        report.add(Line {
            what: format!("search among {TOOLS} tools, p{percentile} of {SEARCHES}"),
            figure: format!("{value:.2} ms"),
            ratio: None,
            aim: if aim { Aim::AtMost { aim: AIM, value } } else { Aim::None },
        });
    }
    report.add(Line {
        what: format!("index of {TOOLS} tools, made once per change"),
        figure: format!("{:.1} ms", indexed.as_secs_f64() * 1_000.0),
        ratio: None,
        aim: Aim::None,
    });
    Ok(())
}

fn query((verb, noun, manner): (&str, &str, &str)) -> String {
    format!("how can I {verb} a {manner} {noun} to somebody")
}
