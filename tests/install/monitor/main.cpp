// A user's program: judges two steps and records them in a store. Exit status 0: the second one was found to be bad.
#include <cmath>

#include <lastgood/monitor.h>
#include <lastgood/session.h>
#include <lastgood/store.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  lastgood::Store store = lastgood::Store::open_or_create(argv[1]);
  lastgood::Session session = store.start_session("demo");
  lastgood::HealthMonitor monitor;
  monitor.bind(session);
  monitor.observe({.step = 1, .loss = 2.5});
  return monitor.observe({.step = 2, .loss = std::nan("")}).overall_health == lastgood::Health::critical ? 0 : 1;
}
