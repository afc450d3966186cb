//! What is always there: postings, mails and a few posts.

/// A job on the board.
pub(super) struct Posting {
    pub slug: &'static str,
    pub title: &'static str,
    pub client: &'static str,
    pub niche: &'static str,
    pub budget: &'static str,
    pub text: &'static str,
    pub wants: &'static [&'static str],
}

/// A mail in the inbox, newest first.
pub(super) struct Mail {
    pub id: &'static str,
    pub from: &'static str,
    pub address: &'static str,
    pub subject: &'static str,
    pub when: &'static str,
    pub paragraphs: &'static [&'static str],
}

/// A post by someone who was here before.
pub(super) struct SeedPost {
    pub author: &'static str,
    pub text: &'static str,
}

pub(super) const POSTINGS: &[Posting] = &[
    Posting {
        slug: "data-pipeline-audit",
        title: "Data pipeline audit",
        client: "Harbour Analytics",
        niche: "data engineering",
        budget: "$2,400 fixed",
        text: "Our nightly pipeline loads 40 tables from three sources. Twice this quarter it finished green with rows \
               missing. We want an independent audit: where can it lose data, how would we notice, what to fix first.",
        wants: &[
            "A written audit with findings by severity",
            "A check we can run every night",
            "One call to walk us through",
        ],
    },
    Posting {
        slug: "dashboard-accessibility-review",
        title: "Dashboard accessibility review",
        client: "Plain Rooms",
        niche: "accessibility",
        budget: "$900 fixed",
        text: "A dashboard with twelve pages, used by people with screen readers. We need a review against WCAG 2.2 AA \
               with a fix for every finding.",
        wants: &["A finding list with screenshots", "Fixes as patches or clear notes"],
    },
    Posting {
        slug: "onboarding-email-series",
        title: "Onboarding e-mail series",
        client: "Cedar & Co",
        niche: "copywriting",
        budget: "$650 fixed",
        text: "Five short mails for new customers of a bookkeeping service. Friendly, precise, no exclamation marks.",
        wants: &["Five mails of at most 150 words", "Two subject lines for each"],
    },
    Posting {
        slug: "warehouse-cost-report",
        title: "Warehouse cost report",
        client: "Northfold Retail",
        niche: "data engineering",
        budget: "$55 per hour",
        text: "Our warehouse bill doubled in six months. Find out which queries and which teams drive it, and what would \
               halve it again.",
        wants: &["A report with numbers per team", "The ten most expensive queries, explained"],
    },
    Posting {
        slug: "podcast-show-notes",
        title: "Podcast show notes",
        client: "Two Chairs Studio",
        niche: "copywriting",
        budget: "$40 per episode",
        text: "Show notes for a weekly interview podcast: a summary, five quotes with time stamps, links that were named.",
        wants: &["Notes within a day of each recording"],
    },
];

pub(super) const MAILS: &[Mail] = &[
    Mail {
        id: "rehearsal-tonight",
        from: "Stage Door",
        address: "door@rehearsal.localhost",
        subject: "Rehearsal tonight: places at seven",
        when: "Today, 09:12",
        paragraphs: &[
            "Places at seven, please. We run the job board scene twice: once with the form that takes a key, once with \
             the one that does not.",
            "Jason brings the outline of the master note, Livia the report of the day.",
            "Nothing you send here leaves this building.",
        ],
    },
    Mail {
        id: "harbour-question",
        from: "Mira Okafor",
        address: "mira@harbour-analytics.example",
        subject: "Question about the pipeline audit",
        when: "Today, 08:40",
        paragraphs: &[
            "We posted \"Data pipeline audit\" on Callboard yesterday. Could you start this week?",
            "Please send the proposal through the board, so that it lands where we compare them.",
        ],
    },
    Mail {
        id: "weekly-numbers",
        from: "Callboard",
        address: "board@rehearsal.localhost",
        subject: "Five new postings this week",
        when: "Yesterday, 17:30",
        paragraphs: &["Data engineering: 2. Copywriting: 2. Accessibility: 1. The board shows them all."],
    },
    Mail {
        id: "welcome",
        from: "Callboard",
        address: "board@rehearsal.localhost",
        subject: "Welcome to Callboard",
        when: "Monday, 10:00",
        paragraphs: &["This is a place to practise. Sign in with any e-mail address and the password of the house."],
    },
];

pub(super) const POSTS: &[SeedPost] = &[
    SeedPost { author: "Stage Door", text: "House lights at half. The board is open." },
    SeedPost { author: "Two Chairs Studio", text: "Looking for someone who writes show notes people actually read." },
];

/// The posting with this slug.
pub(super) fn posting(slug: &str) -> Option<&'static Posting> {
    POSTINGS.iter().find(|posting| posting.slug == slug)
}
