#!/usr/bin/env python3
"""Sessions that end in every way there is, on real input: in time, by a cloud's notice, by SIGTERM, by SIGKILL, on a full
disk. Each next one goes on by itself, and the whole chain ends with the bits of one run that nobody disturbed. Every claim
is checked; the exit status is 0 only if all of them hold. The notice is served on the loopback interface, and nothing else
is asked.

  ./dev demo session [--out DIR] [--text FILE-OR-DIRECTORY]
"""
import datetime
import errno
import http.server
import json
import math
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

from stage import SAVE_EVERY, Command, Failed, Trainer, arguments, expect, play, progress, say

SESSION = 40      # seconds
GRACE = 5         # seconds
NOTICE = 15       # seconds; AWS gives 120
DISK = 256        # MB
STOPPED = 75      # EX_TEMPFAIL: run it again
FAR = 1_000_000   # steps: further than any session comes


class SessionTrainer(Trainer):
    """One session of the trainer, and the events that it told."""

    def __init__(self, build, store, text, steps, **options):
        self.store = pathlib.Path(store)
        self.steps = steps if steps < FAR else None
        self.events = []
        command = [build / "examples" / "session_trainer", "--store", store, "--text", text, "--steps", steps,
                   "--save-every", SAVE_EVERY]
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), value]
        # SIGXFSZ: a write beyond the limit shall fail, as on a full disk.
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))

    def after_steps(self, count):
        """Lets it train so many steps; the number of the last one."""
        done = 0
        while done < count:
            event = self.read()
            expect(event is not None, "the trainer ended by itself")
            done += event["event"] == "step"
        return self.events[-1]["step"]

    def until_told(self, words):
        while (event := self.read()) is not None:
            if event["event"] == "message" and words in event["text"]:
                return event["text"]
        raise Failed(f"the trainer never said '{words}'")

    def end(self, status, within=math.inf):
        """Reads to its end; how many seconds that took."""
        begun = time.monotonic()
        while self.read() is not None:
            expect(time.monotonic() - begun < within, f"it still trains after {within} s")
        ended = self.process.wait()
        took = time.monotonic() - begun
        expect(ended == status, f"the trainer ended with status {ended}, not {status}")
        expect(took < within, f"it took {took:.1f} s to end")
        return took

    def last_step(self):
        return self.all("step")[-1]["step"]

    def messages(self):
        return [event["text"] for event in self.all("message")]


class Beside:
    """The run that nobody disturbs, in a process of its own all the while; what it tells goes to a file."""

    def __init__(self, build, out, text):
        self.store = out / "uninterrupted-sessions"
        self.lastgood = Command(build, self.store)
        self.log = out / "uninterrupted-sessions.log"
        command = [build / "examples" / "session_trainer", "--store", self.store, "--text", text, "--steps", FAR,
                   "--save-every", SAVE_EVERY, "--keep-last", 0]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdout=log)

    def losses(self):
        events = [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        expect(not [event for event in events if event["event"] == "resumed"], "the run beside did not begin anew")
        return {event["step"]: event["exact"] for event in events if event["event"] == "step"}

    def digest_of(self, step):
        """Of its checkpoint at that step, for which it waits."""
        while True:
            if any(checkpoint["step"] == step for checkpoint in self.lastgood.checkpoints()):
                return self.lastgood.digest(f"step:{step}")
            expect(self.process.poll() is None, "the run beside has ended")
            progress(f"the run beside: step {max(self.losses(), default=0)}/{step}")
            time.sleep(0.2)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


class SpotNotice(http.server.ThreadingHTTPServer):
    """AWS's metadata service as a spot instance sees it, on the loopback interface: a token for a PUT, and for a GET with the
    token what will happen to the instance, if anything will."""

    TOKEN = "a-token-of-the-demo"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), SpotRequest)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.answered = []
        self.notice = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def announce(self, seconds):
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        self.notice = json.dumps({"action": "terminate", "time": end.strftime("%Y-%m-%dT%H:%M:%SZ")})


class SpotRequest(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        known = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self.answer(*((200, SpotNotice.TOKEN) if known else (400, "")))

    def do_GET(self):
        if self.headers["X-aws-ec2-metadata-token"] != SpotNotice.TOKEN:
            return self.answer(401, "")
        told = self.path == "/latest/meta-data/spot/instance-action" and self.server.notice
        self.answer(*((200, told) if told else (404, "")))

    def answer(self, status, text):
        self.server.answered.append((self.command, status))
        self.send_response(status)
        self.send_header("Content-Length", len(text))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class Disk:
    """A file system of its own, so small that it can really be filled. Where none may be mounted: a limit on the size of
    the trainer's files, which fails its writes as a full disk does."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "lastgood-demo", self.folder], capture_output=True).returncode == 0
        self.filler = self.folder / "filler"

    def kind(self):
        return (f"a file system of {DISK} MB that a file fills to the last byte" if self.mounted else
                "no file system may be mounted here, so a limit on the size of files (RLIMIT_FSIZE) stands for one")

    def fill(self, process):
        if not self.mounted:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            return
        with open(self.filler, "wb", buffering=0) as file:
            size = 1 << 20
            while size:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    expect(error.errno == errno.ENOSPC, f"filling the disk: {error}")
                    size //= 2

    def free(self):
        self.filler.unlink(missing_ok=True)

    def leave(self, store, copy):
        """Keeps the store for those who want to look around, and unmounts."""
        if not self.mounted:
            return store
        if store.exists():
            shutil.copytree(store, copy)
        subprocess.run(["umount", self.folder], check=True)
        self.mounted = False
        return copy


class SessionDemo:
    def __init__(self, options):
        self.build = options.build.resolve()
        self.out = options.out
        self.text = options.text
        self.disk = Disk(self.out / "sessions-disk")
        self.store = self.disk.folder / "store"
        self.lastgood = Command(self.build, self.store)
        self.sessions = []
        self.steps = FAR

    def session(self, **options):
        self.sessions.append(SessionTrainer(self.build, self.store, self.text, self.steps, **options))
        self.sessions[-1].doing = f"session {len(self.sessions)}"
        return self.sessions[-1]

    def resumed(self, session, step):
        """It went on by itself from where the one before had saved."""
        session.after_steps(1)
        resumed = session.all("resumed")
        expect(resumed and resumed[0]["step"] == step, f"the session did not resume from step {step}: {resumed}")
        say(f"  resumed by itself from checkpoint {resumed[0]['checkpoint']}, step {step}")

    def in_time(self):
        say(f"13. A session of {SESSION} seconds, which saves in time and ends by itself; the same training runs beside it, "
            "undisturbed, to compare with")
        session = self.session(session_seconds=SESSION)
        took = session.end(STOPPED, SESSION)
        step = session.last_step()
        head = self.lastgood.head()
        expect(head["step"] == step and head["kind"] == "emergency", f"its last step is {step}, its last save {head}")
        say(f"  told: {session.messages()[-1]}")
        say(f"  ended by itself after {took:.1f} s and {step} steps, of which the last one is saved; exit status {STOPPED}: "
            "run it again")

    def taken_back(self):
        say(f"\n14. A spot instance that AWS takes back, as its metadata service tells {NOTICE} seconds before: one that is "
            "served on loopback")
        service = SpotNotice()
        session = self.session(aws_metadata=service.address)
        self.resumed(session, self.sessions[-2].last_step())
        session.after_steps(20)
        expect(set(service.answered) <= {("PUT", 200), ("GET", 404)}, f"the service was asked amiss: {service.answered}")
        service.announce(NOTICE)
        took = session.end(STOPPED, NOTICE)
        service.shutdown()
        service.server_close()
        told = [text for text in session.messages() if text.startswith("aws_spot: ")]
        expect(len(told) == 1 and service.answered[0] == ("PUT", 200) and service.answered[-1] == ("GET", 200),
               f"it was told {told}, and the service answered {service.answered}")
        step, head = session.last_step(), self.lastgood.head()
        expect(head["step"] == step and head["kind"] == "emergency", f"its last step is {step}, its last save {head}")
        say(f"  told: {told[0]}")
        say(f"  saved step {step} and ended by itself {took:.1f} s after the notice: no step is lost")
        self.steps = math.ceil((step + 4 * SAVE_EVERY + 40) / SAVE_EVERY) * SAVE_EVERY

    def terminated(self):
        say(f"\n15. SIGTERM, and {GRACE} seconds until the end")
        session = self.session(grace_seconds=GRACE, drain_seconds=1)
        self.resumed(session, self.sessions[-2].last_step())
        session.after_steps(20)
        session.process.terminate()
        took = session.end(STOPPED, GRACE)
        expect(self.lastgood.head()["step"] == session.last_step(), "SIGTERM lost steps")
        say(f"  saved step {session.last_step()} and ended after {took:.2f} s: no step is lost")

    def killed(self):
        say("\n16. SIGKILL, without any warning")
        session = self.session()
        self.resumed(session, self.sessions[-2].last_step())
        step = session.last_step()
        session.after_steps(SAVE_EVERY + (SAVE_EVERY // 2 - step) % SAVE_EVERY)  # half way between two saves
        session.kill()
        head = self.lastgood.head()
        lost = session.last_step() - head["step"]
        expect(0 < lost < 2 * SAVE_EVERY, f"SIGKILL at step {session.last_step()} lost {lost} steps")
        say(f"  killed after step {session.last_step()}; the newest checkpoint is of step {head['step']}, so {lost} steps must "
            "be done again")

    def full(self):
        say(f"\n17. The disk fills: {self.disk.kind()}")
        before = self.lastgood.head()
        session = self.session(grace_seconds=GRACE, drain_seconds=1)
        self.resumed(session, before["step"])
        self.disk.fill(session.process)
        failed = session.until_told("no checkpoint of step")
        failed_at = session.last_step()
        say(f"  {failed}")
        step = session.after_steps(10)
        expect(step >= failed_at + 10, "the training did not go on after a save that failed")
        say(f"  the training went on, to step {step}, and then SIGTERM came")
        session.process.terminate()
        session.end(STOPPED)
        self.disk.free()
        expect(self.lastgood.head()["id"] == before["id"], "a save on a full disk moved the head")
        say(f"  {session.messages()[-1]}")
        say(f"  it lost its {session.last_step() - before['step']} steps, and nothing else; the disk has room again")

    def to_the_end(self, beside):
        say(f"\n18. The last session, to step {self.steps}; and what they all came to")
        session = self.session()
        self.resumed(session, self.lastgood.head()["step"])
        session.end(0)
        losses = {}
        for one in self.sessions:
            for step, loss in one.losses().items():
                expect(losses.get(step, loss) == loss, f"the loss of step {step} came out differently the second time")
                losses[step] = loss
        digest = beside.digest_of(self.steps)
        undisturbed = beside.losses()
        expect(losses == {step: loss for step, loss in undisturbed.items() if step <= self.steps},
               "the losses differ from those of the run that nobody disturbed")
        expect(self.lastgood.digest("head") == digest, f"the final state is not that of the undisturbed run, {digest}")
        say(f"  {len(self.sessions)} sessions; all {len(losses)} losses and the final state are those of the run that nobody "
            f"disturbed, bit for bit: {digest}")
        self.lastgood.run("verify")
        self.lastgood.run("sessions")
        self.check_records(self.lastgood.json("sessions")["sessions"])

    def check_records(self, records):
        """How each session ended, as the store has it: the newest first."""
        for record in reversed(records):
            silent = "its training was done" if record["state"] == "completed" else "nothing told of its end before it came"
            say(f"  session {record['id']}: {record['state']}; {record['ending'] or silent}")
        states = [record["state"] for record in records]
        # A full disk also kept the fifth one from recording its end.
        allowed = [("completed",), ("interrupted", "crashed"), ("crashed",), ("interrupted",), ("interrupted",),
                   ("interrupted",)]
        expect(len(states) == len(allowed) and all(state in ways for state, ways in zip(states, allowed)),
               f"the sessions are recorded as {states}")
        expect("AWS takes the spot instance back" in records[-2]["ending"], "why the second one ended is not recorded")

    def run(self):
        started = time.monotonic()
        beside = Beside(self.build, self.out, self.text)
        try:
            for step in (self.in_time, self.taken_back, self.terminated, self.killed, self.full):
                step()
            self.to_the_end(beside)
        finally:
            beside.stop()
            for session in self.sessions:
                session.process.kill()
                session.process.wait()
            store = self.disk.leave(self.store, self.out / "sessions")
        say(f"\nEverything held. {time.monotonic() - started:.0f} s; the store is in {store}, look around: "
            f"{os.path.relpath(self.build / 'lastgood')} --store {store} sessions")


def main():
    return play(SessionDemo, arguments(__doc__).parse_args(),
                ("sessions", "sessions-disk/store", "uninterrupted-sessions"))


if __name__ == "__main__":
    sys.exit(main())
