#!/usr/bin/env python3
"""Lastgood's main job on real input: a training run saves, is killed, resumes bit for bit, is damaged, noticed, rolled
back and collected. Every claim is checked; the exit status is 0 only if all of them hold.

  ./dev demo store [--out DIR] [--text FILE-OR-DIRECTORY] [--steps N]
"""
import os
import re
import statistics
import sys
import time

from stage import SAVE_EVERY, Command, Trainer, arguments, binary, expect, flip_a_byte, human, play, say

DAMAGE_FOUND = 20


class StoreDemo:
    def __init__(self, options):
        self.build = options.build.resolve()
        self.out = options.out
        self.text = options.text
        self.steps = options.steps
        self.store = self.out / "store"
        self.lastgood = Command(self.build, self.store)
        self.trainers = []

    def trainer(self, steps, **more):
        self.trainers.append(Trainer(self.build, self.store, self.text, steps, **more))
        return self.trainers[-1]

    def straight_run(self):
        say(f"1. A small transformer on {self.text}, {self.steps} steps without a break, a checkpoint every {SAVE_EVERY}")
        straight = Trainer(self.build, self.out / "uninterrupted", self.text, self.steps).run("training")
        self.losses = straight.losses()
        reference = Command(self.build, self.out / "uninterrupted")
        self.digest = reference.digest("head")
        say(f"  loss {straight.all('step')[0]['loss']:.3f} -> {straight.all('step')[-1]['loss']:.3f}; "
            f"final state {self.digest}")
        say(f"  that is {reference.sections('head')}")

    def killed_run(self):
        kill_at = self.steps // 2 // SAVE_EVERY * SAVE_EVERY
        say(f"\n2. The same again, but SIGKILL in the middle of the save at step {kill_at}; a new process resumes")
        first = self.trainer(self.steps)
        first.kill_while_saving(kill_at)
        stats = self.lastgood.json("stats")
        saved = [checkpoint["step"] for checkpoint in self.lastgood.checkpoints()]
        expect(kill_at not in saved and stats["saves_in_flight"] == 1, "the kill did not hit the middle of a save")
        say(f"  killed: checkpoints at steps {sorted(saved)}, and one save that was left half done, which nobody sees")
        second = self.trainer(self.steps).run("resumed")
        resumed = second.all("resumed")[0]
        say(f"  resumed from checkpoint {resumed['checkpoint']}, step {resumed['step']}")
        self.compare(first.losses(), second.losses())

    def compare(self, *parts):
        losses = {}
        for part in parts:
            for step, loss in part.items():
                expect(losses.get(step, loss) == loss, f"the loss of step {step} came out differently the second time")
                losses[step] = loss
        expect(losses == self.losses, "the losses differ from those of the uninterrupted run")
        digest = self.lastgood.digest("head")
        expect(digest == self.digest, f"the final state is {digest}, and not that of the uninterrupted run")
        say(f"  all {len(losses)} losses and the final state are those of the uninterrupted run, bit for bit: {digest}")

    def damaged_run(self):
        say("\n3. A byte rots in the newest checkpoint")
        newest = self.lastgood.head()
        flipped = flip_a_byte(self.store, newest)
        report = self.lastgood.run("verify", status=DAMAGE_FOUND)
        found = [line for line in report.splitlines() if line.startswith("damaged: ")]
        expect(found == [f"damaged: checkpoint {newest['id']} (step {newest['step']}), entry {flipped.entry}, "
                         f"in {flipped.pack} at {flipped.offset}: hash mismatch"],
               f"verify does not name checkpoint, entry and place of what was flipped, {flipped}, and that alone")
        resumed = self.trainer(self.steps).run("resumed")
        passed_over = resumed.all("passed_over")
        expect(passed_over and passed_over[0]["checkpoint"] == newest["id"], "the damaged checkpoint was not passed over")
        say(f"  the next resume: {passed_over[0]['why'].splitlines()[0]}")
        say(f"  so it fell back to checkpoint {resumed.all('resumed')[0]['checkpoint']}, "
            f"step {resumed.all('resumed')[0]['step']}, and trained on")
        self.compare(self.losses, resumed.losses())
        say("  its last save brought the damaged contents anew, which healed the old checkpoint, too:")
        self.lastgood.run("verify")

    def branches(self):
        say("\n4. A learning rate that is far too high, a rollback, another branch")
        bad = self.trainer(self.steps + 2 * SAVE_EVERY, learning_rate=0.5).run("diverging")
        say(f"  loss {bad.all('step')[0]['loss']:.3f} -> {bad.all('step')[-1]['loss']:.3f}")
        abandoned = self.lastgood.head()
        self.lastgood.run("rollback", "last-stable")
        expect(self.lastgood.head()["step"] < abandoned["step"], "the rollback did not move the head back")
        good = self.trainer(self.steps + 2 * SAVE_EVERY).run("resumed")
        say(f"  resumed from step {good.all('resumed')[0]['step']}: "
            f"loss {good.all('step')[0]['loss']:.3f} -> {good.all('step')[-1]['loss']:.3f}")
        self.check_branches(abandoned)
        self.collect(abandoned)
        self.lastgood.run("verify")

    def check_branches(self, abandoned):
        """Both grew from the checkpoint that was rolled back to, and the log draws each in a column of its own."""
        known = {checkpoint["id"]: checkpoint for checkpoint in self.lastgood.checkpoints()}

        def branch(tip):
            while tip["step"] > self.steps:
                yield tip["id"]
                tip = known[tip["parent"]]
            yield tip["id"]

        old, new = list(branch(abandoned)), list(branch(self.lastgood.head()))
        steps = [[known[checkpoint]["step"] for checkpoint in ids] for ids in (old, new)]
        expect(steps[0] == steps[1] == [self.steps + 2 * SAVE_EVERY, self.steps + SAVE_EVERY, self.steps],
               f"the branches have checkpoints of the steps {steps}")
        expect(old[-1] == new[-1] and not set(old[:-1]) & set(new[:-1]), f"{old} and {new} are not two branches of one root")
        drawn = re.findall(r"^([| ]*)\* (\d+)\b.*  step (\d+),", self.lastgood.run("log"), re.MULTILINE)
        column = {int(checkpoint): len(lines) for lines, checkpoint, _ in drawn}
        expect({(int(checkpoint), int(step)) for _, checkpoint, step in drawn}
               == {(checkpoint["id"], checkpoint["step"]) for checkpoint in known.values()}, "the log draws others")
        columns = [{column[checkpoint] for checkpoint in ids[:-1]} for ids in (old, new)]
        expect(len(columns[0]) == len(columns[1]) == 1 and columns[0] != columns[1],
               f"the log draws the branches in the columns {columns}")

    def collect(self, abandoned):
        """forget and gc say what goes, and what that frees, as it then can be seen."""
        releases = self.lastgood.json("forget", abandoned["id"], "--dry-run")["bytes_released"]
        expect(self.lastgood.run("forget", abandoned["id"]).splitlines()
               == [f"forgot 1 checkpoint: {abandoned['id']}", f"{binary(releases)} can be freed by `lastgood gc`"],
               "forget does not say what it forgot, and what that frees")
        before, stats = [checkpoint["id"] for checkpoint in self.lastgood.checkpoints()], self.lastgood.json("stats")
        forgot, freed = self.lastgood.run("gc", "--keep-last", 3).splitlines()
        after, left = [checkpoint["id"] for checkpoint in self.lastgood.checkpoints()], self.lastgood.json("stats")
        gone = sorted(set(before) - set(after))
        expect(set(before[:3]) <= set(after) and gone, f"of {before} gc left {after}")
        expect(forgot.startswith(f"forgot {len(gone)} checkpoints: {gone[0]}, "), f"gc does not say that it forgot {gone}")
        bytes_freed = stats["bytes_on_disk"] - left["bytes_on_disk"]
        expect(bytes_freed > releases, "gc freed less than forget had promised")
        expect(re.fullmatch(re.escape(f"freed {binary(bytes_freed)}: ") + r"\d+ blobs; \d+ packs removed, \d+ compacted, "
                            "1 dead save cleaned up", freed), f"gc does not say that it freed {bytes_freed} bytes")

    def costs(self):
        say("\n5. What it cost")
        saved = [event for trainer in self.trainers for event in trainer.all("saved")]
        staged = [event["blocked_ms"] for trainer in self.trainers for event in trainer.all("staged")]
        logical = sum(event["bytes_logical"] for event in saved)
        stored = sum(event["bytes_new"] for event in saved)
        say(f"  {len(saved)} checkpoints of {human(saved[0]['bytes_logical'])}: {human(logical)} of state, "
            f"{human(stored)} written to packs")
        say(f"  the trainer was blocked for {statistics.median(staged):.1f} ms a checkpoint (median); each was durable "
            f"after {statistics.median(event['durable_ms'] for event in saved):.0f} ms (median)")

    def run(self):
        started = time.monotonic()
        for act in (self.straight_run, self.killed_run, self.damaged_run, self.branches, self.costs):
            act()
        say(f"\nEverything held. {time.monotonic() - started:.0f} s; the store is in {self.store}, "
            f"look around: {os.path.relpath(self.build / 'lastgood')} --store {self.store} list")


def main():
    parser = arguments(__doc__)
    parser.add_argument("--steps", type=int, default=200, help="length of the run, a multiple of %d" % SAVE_EVERY)
    options = parser.parse_args()
    if options.steps < 4 * SAVE_EVERY or options.steps % SAVE_EVERY:
        parser.error(f"--steps must be a multiple of {SAVE_EVERY}, and at least {4 * SAVE_EVERY}")
    return play(StoreDemo, options, ("store", "uninterrupted"))


if __name__ == "__main__":
    sys.exit(main())
