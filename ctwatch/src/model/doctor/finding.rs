//! What doctor says.

use serde::Serialize;

/// Everything doctor says of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// Host name; `None` where it could not be read.
    pub hostname: Option<String>,
    /// `uname -r`; `None` where it could not be read.
    pub kernel: Option<String>,
    /// Findings that need attention.
    pub attention: usize,
    /// Findings that could not be made.
    pub unknown: usize,
    /// Findings, topic by topic.
    pub findings: Vec<Finding>,
    /// What was looked at and could not be read, with the reason.
    pub unread: Vec<String>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub topic: Topic,
    /// What was asked: stable words, unique with `subject`.
    pub check: &'static str,
    /// Which of several alike: a function, a setting, a namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The answer.
    pub answer: Answer,
    /// For a `no` that a newer kernel turns into a yes: the least version.
    pub needs: Option<&'static str>,
    /// Whether something is set wrongly, or goes wrong.
    pub attention: bool,
    /// Why: the value that was read, and where.
    pub reason: String,
    /// For findings that need attention: how it shows, and how to see it for oneself.
    #[serde(flatten)]
    pub trouble: Option<Trouble>,
    /// What to do, if anything.
    pub todo: Option<String>,
}

/// How a fault shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What users notice.
    pub symptom: String,
    /// A command that shows it.
    pub verify: String,
}

/// The three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// So it is.
    Yes,
    /// It is not.
    No,
    /// It could not be found out; the reason says why, and what to do how to.
    Unknown,
}

/// What a finding is about, in the order in which findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// The table's limit, fill, hash, memory.
    Table,
    /// Whether and by whom conntrack is used.
    Conntrack,
    /// Timeouts, and whoever sets conntrack's settings.
    Settings,
    /// The settings of TCP that runbooks speak of.
    Tcp,
    /// Events, accounting, timestamps.
    Events,
    /// Other programs that use or set conntrack.
    Neighbours,
    /// How ctwatch can watch here.
    Watching,
    /// What the kernel's security settings and this process's rights allow.
    Privileges,
    /// The kernel functions that probes attach to.
    Hooks,
}

impl Finding {
    /// An answer that needs nothing.
    #[must_use]
    pub fn new(
        topic: Topic,
        check: &'static str,
        answer: Answer,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            topic,
            check,
            subject: None,
            answer,
            needs: None,
            attention: false,
            reason: reason.into(),
            trouble: None,
            todo: None,
        }
    }

    /// Of which one of several.
    #[must_use]
    pub fn of(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// With the least version that has it.
    #[must_use]
    pub fn needs(mut self, version: &'static str) -> Self {
        self.needs = Some(version);
        self
    }

    /// With what to do.
    #[must_use]
    pub fn todo(mut self, todo: impl Into<String>) -> Self {
        self.todo = Some(todo.into());
        self
    }

    /// Something is wrong: what users notice, a command that shows it, what to do.
    #[must_use]
    pub fn attention(
        mut self,
        symptom: impl Into<String>,
        verify: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        self.attention = true;
        self.trouble = Some(Trouble {
            symptom: symptom.into(),
            verify: verify.into(),
        });
        self.todo(todo)
    }
}
