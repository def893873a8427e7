//! The sixteen metrics: their names, units and groups. What each of them means stands beside how it is measured.

use crate::facts::{Facts, Resource};
use crate::observation::{Observation, Reading};
use crate::period::{Period, Span};
use crate::{agents, quality, resources, velocity};

/// A group of four metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Agents at work.
    AgentPerformance,
    /// What comes out.
    DevelopmentVelocity,
    /// How good that is.
    CodeQuality,
    /// What the machine has to do.
    ResourceUtilization,
}

impl Group {
    /// The groups, as they are shown.
    pub const ALL: [Self; 4] =
        [Self::AgentPerformance, Self::DevelopmentVelocity, Self::CodeQuality, Self::ResourceUtilization];

    /// The word on the wire.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::AgentPerformance => "agent_performance",
            Self::DevelopmentVelocity => "development_velocity",
            Self::CodeQuality => "code_quality",
            Self::ResourceUtilization => "resource_utilization",
        }
    }

    /// What people read.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::AgentPerformance => "Agent performance",
            Self::DevelopmentVelocity => "Development velocity",
            Self::CodeQuality => "Code quality",
            Self::ResourceUtilization => "Resource utilization",
        }
    }
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Things a day.
    PerDay,
    /// Seconds.
    Seconds,
    /// Hundredths of a whole.
    Percent,
    /// Findings for each hundred changed lines.
    PerHundredLines,
}

impl Unit {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::PerDay => "per_day",
            Self::Seconds => "seconds",
            Self::Percent => "percent",
            Self::PerHundredLines => "per_100_lines",
        }
    }
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $variant:ident = $key:literal $title:literal $group:ident $unit:ident),+ $(,)?) => {
        /// A metric.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric { $($(#[$doc])* $variant),+ }

        impl Metric {
            /// Every metric, as they are shown.
            pub const ALL: [Self; 16] = [$(Self::$variant),+];

            /// The word on the wire.
            #[must_use]
            pub fn key(self) -> &'static str {
                match self { $(Self::$variant => $key),+ }
            }

            /// What people read.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// Its group.
            #[must_use]
            pub fn group(self) -> Group {
                match self { $(Self::$variant => Group::$group),+ }
            }

            /// What its number counts.
            #[must_use]
            pub fn unit(self) -> Unit {
                match self { $(Self::$variant => Unit::$unit),+ }
            }
        }
    };
}

metrics! {
    /// Agents that worked: see [`agents::active`].
    ActiveAgents = "active_agents" "Active agents" AgentPerformance Count,
    /// Tasks that were completed since midnight: see [`agents::completed`].
    TasksCompletedToday = "tasks_completed_today" "Tasks completed today" AgentPerformance Count,
    /// Seconds of a turn: see [`agents::response_time`].
    AverageResponseTime = "average_response_time" "Average response time" AgentPerformance Seconds,
    /// The share of runs that came to a result: see [`agents::success`].
    SuccessRate = "success_rate" "Success rate" AgentPerformance Percent,
    /// Commits on delivered branches: see [`velocity::commits`].
    CommitsPerDay = "commits_per_day" "Commits per day" DevelopmentVelocity PerDay,
    /// Pull requests that were opened: see [`velocity::opened`].
    PullRequestsCreated = "pull_requests_created" "Pull requests created" DevelopmentVelocity Count,
    /// Fixes that were delivered: see [`velocity::delivered`].
    BugsFixed = "bugs_fixed" "Bugs fixed" DevelopmentVelocity Count,
    /// Features that were delivered: see [`velocity::delivered`].
    FeaturesDelivered = "features_delivered" "Features delivered" DevelopmentVelocity Count,
    /// How good written files are: see [`quality::code`].
    CodeQualityScore = "code_quality_score" "Code quality" CodeQuality Percent,
    /// Changed lines that tests run: see [`quality::coverage`].
    TestCoverage = "test_coverage" "Test coverage of changes" CodeQuality Percent,
    /// Findings that changes bring: see [`quality::debt`].
    TechnicalDebtRatio = "technical_debt_ratio" "Technical debt ratio" CodeQuality PerHundredLines,
    /// Runs without a credential in an added line: see [`quality::security`].
    SecurityScore = "security_score" "Security score" CodeQuality Percent,
    /// Processor time: see [`resources::mean`].
    CpuUsage = "cpu_usage" "CPU usage" ResourceUtilization Percent,
    /// Memory: see [`resources::mean`].
    MemoryUsage = "memory_usage" "Memory usage" ResourceUtilization Percent,
    /// Time of graphics processors: see [`resources::mean`].
    GpuUtilization = "gpu_utilization" "GPU utilization" ResourceUtilization Percent,
    /// Space on the disk: see [`resources::newest`].
    StorageUsage = "storage_usage" "Storage usage" ResourceUtilization Percent,
}

/// What a metric is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// How its number is read.
    pub reading: Reading,
    /// What it is read from, in no order.
    pub observations: Vec<Observation>,
    /// Whether there is anything that a count of 0 could be a fact of: of the timeframe, and of the one before.
    pub basis: (bool, bool),
    /// What would fill it, where there is no number.
    pub missing: &'static str,
    /// What has to be said beside the number.
    pub note: Option<String>,
}

impl Metric {
    /// The metric with this word.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.key() == key)
    }

    /// The spans that its number and the number before are of: the timeframe and the one before; of what is counted
    /// today, today and yesterday.
    #[must_use]
    pub fn spans(self, period: Period) -> (Span, Span) {
        match self {
            Self::TasksCompletedToday => period.today(),
            _ => (period.now, period.before),
        }
    }

    /// What it is made of.
    #[must_use]
    pub fn measure(self, facts: &Facts, period: Period) -> Measured {
        match self {
            Self::ActiveAgents => agents::active(facts, period),
            Self::TasksCompletedToday => agents::completed(facts, period),
            Self::AverageResponseTime => agents::response_time(facts),
            Self::SuccessRate => agents::success(facts),
            Self::CommitsPerDay => velocity::commits(facts, period),
            Self::PullRequestsCreated => velocity::opened(facts, period),
            Self::BugsFixed => velocity::delivered(facts, period, domain::TaskKind::Fix),
            Self::FeaturesDelivered => velocity::delivered(facts, period, domain::TaskKind::Feature),
            Self::CodeQualityScore => quality::code(facts),
            Self::TestCoverage => quality::coverage(facts),
            Self::TechnicalDebtRatio => quality::debt(facts),
            Self::SecurityScore => quality::security(facts),
            Self::CpuUsage => resources::mean(facts, Resource::Cpu),
            Self::MemoryUsage => resources::mean(facts, Resource::Memory),
            Self::GpuUtilization => resources::mean(facts, Resource::Gpu),
            Self::StorageUsage => resources::newest(facts),
        }
    }

    /// The observations that its number is read from, newest first; each source once where sources are counted.
    #[must_use]
    pub fn counted(self, facts: &Facts, period: Period) -> Vec<Observation> {
        let (span, _) = self.spans(period);
        let measured = self.measure(facts, period);
        let mut own: Vec<_> = measured.observations.into_iter().filter(|o| span.has(o.at)).collect();
        own.sort_unstable_by_key(|o| std::cmp::Reverse((o.at, o.source, o.part, o.whole)));
        if measured.reading == Reading::Distinct {
            let mut seen = std::collections::BTreeSet::new();
            own.retain(|o| seen.insert(o.source));
        }
        if matches!(measured.reading, Reading::Newest { .. }) {
            own.truncate(1);
        }
        own
    }
}
