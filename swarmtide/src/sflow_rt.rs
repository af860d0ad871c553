//! sFlow-RT's queries over the collector's state, as its REST API has them: agents, metrics with an operation, filters.
//!
//! What was read of sFlow-RT is in docs/sflow-rt.md, with what differs. It knows no HTTP: a question comes as the parts of a path and
//! the pairs of a query, an answer is a value that can be serialised.

mod answer;
mod question;
mod table;

pub use answer::{
    AgentAnswer, DUMP_MAX, DumpAnswer, LookupAnswer, Value, agents, dump, lookup, newest, of_agent,
};
pub use question::{Agents, Filters, MetricName, Operation, QuestionError, WantedMetric};
