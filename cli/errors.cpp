// One place where failures become messages and exit codes, so that people, programs (--json) and scripts (the code) are
// told the same. The message goes to standard error in both forms: a program that parses standard output still leaves
// a trace in its log.
#include "cli/errors.h"

#include <exception>
#include <new>

#include "cli/context.h"
#include "cli/json.h"

namespace lastgood::cli {

namespace {

/// Those that a script may want to react to have a code of their own; not_found of the store itself is an ExitError.
ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::busy: return ExitCode::busy;
    case ErrorCode::unsupported_version: return ExitCode::unsupported;
    case ErrorCode::corruption: return ExitCode::damage_found;
    case ErrorCode::cancelled: return ExitCode::interrupted;
    default: return ExitCode::error;
  }
}

ExitCode report(Context& context, ExitCode exit, ErrorCode code, const std::string& subject, const char* message) {
  print_diagnostic(message);
  if (context.json) {
    Json document = new_document();
    document["error"] = {{"code", to_string(code)}, {"subject", subject}, {"message", message}};
    print(context.out, document);
  }
  return exit;
}

}  // namespace

ExitCode report_current_exception(Context& context) {
  try {
    throw;
  } catch (const ExitError& error) {
    // Before Error, from which it is derived.
    return report(context, error.exit(), error.code(), error.subject(), error.what());
  } catch (const Error& error) {
    return report(context, exit_code_of(error.code()), error.code(), error.subject(), error.what());
  } catch (const UsageError& error) {
    return report(context, ExitCode::usage, ErrorCode::invalid_argument, "", error.what());
  } catch (const std::bad_alloc&) {
    return report(context, ExitCode::error, ErrorCode::internal, "", "out of memory");
  } catch (const std::exception& error) {
    const std::string message = std::string("internal error: ") + error.what() + "; please report it";
    return report(context, ExitCode::error, ErrorCode::internal, "", message.c_str());
  }
}

}  // namespace lastgood::cli
