//! One binary for all tests that cross modules. Rows are grouped by meaning; the same rows run
//! against the index and against the oracle, which is slow and obvious.

mod absences;
mod audit_drill;
mod batch;
mod changes;
mod city;
mod clients;
mod command;
mod completions;
mod cross;
mod delta;
mod doctor;
mod drill;
mod feeds;
mod golden;
mod ledger_crash;
mod likes;
mod loading;
mod operations;
mod oracle;
mod privacy;
mod promql;
mod random_city;
mod reload;
mod signature;
mod snapshot_damage;
mod tender;
mod town;
mod traps;
