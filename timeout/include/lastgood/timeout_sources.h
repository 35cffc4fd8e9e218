// The deadline sources that Lastgood knows. What each rule rests on is cited in timeout/README.md.
//
// A platform that tells its end by the wall clock is asked once, and the clock being set later moves nothing. Those
// that take a machine keep a reference to it. None contacts any address before it is asked.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <lastgood/timeout_deadline.h>

namespace lastgood {

using DeadlineSources = std::vector<std::unique_ptr<DeadlineSource>>;
using Interval = std::chrono::nanoseconds;

/// So long after the session's start. Errors: invalid_argument unless it is more than zero.
std::unique_ptr<DeadlineSource> duration_limit(BootTime start, std::chrono::nanoseconds length);

/// SLURM_JOB_END_TIME. Nothing outside of a job, and nothing for a job without a limit. Errors of ask():
/// invalid_argument for what is no time.
std::unique_ptr<DeadlineSource> slurm_limit(const Machine& machine);
/// What `bjobs` says is left of LSB_JOBID, at every interval (a limit may be changed). Errors of ask(): those of
/// Machine::run; invalid_argument for an answer that it cannot read. An estimate is no end.
std::unique_ptr<DeadlineSource> lsf_limit(const Machine& machine, Interval interval);
/// The walltime, from PBS_WALLTIME (Torque) or `qstat -f` (PBS), since the start of the job's first process.
std::unique_ptr<DeadlineSource> pbs_limit(const Machine& machine);
/// Colab: so long after the machine's start. Kaggle: 12 hours after the container's, 9 with an accelerator.
std::unique_ptr<DeadlineSource> colab_limit(const Machine& machine, std::chrono::nanoseconds length);
std::unique_ptr<DeadlineSource> kaggle_limit(const Machine& machine);

/// Notices of clouds, asked every five seconds at the address that each cloud documents, or at `base` in its place.
/// Errors of ask(): io, for as long as the service does not answer as documented. A notice of AWS or Google stands once
/// it was given; Azure's events may be called off.
std::unique_ptr<DeadlineSource> aws_spot_notice(const Machine& machine, std::string base = "http://169.254.169.254");
std::unique_ptr<DeadlineSource> gcp_preemption(const Machine& machine,
                                               std::string base = "http://metadata.google.internal");
std::unique_ptr<DeadlineSource> azure_events(const Machine& machine, std::string base = "http://169.254.169.254");

/// A file, or what a command prints: nothing at all (no end is known; an empty file: now), "+SECONDS" from when that
/// was read first, seconds since 1970, or "2026-11-24T18:30:00Z". Errors of ask(): invalid_argument for other text.
std::unique_ptr<DeadlineSource> limit_file(const Machine& machine, std::filesystem::path path, Interval interval);
std::unique_ptr<DeadlineSource> limit_command(const Machine& machine, std::vector<std::string> command,
                                              Interval interval);

}  // namespace lastgood
