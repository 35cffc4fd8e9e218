#!/usr/bin/env python3
"""A trainer that is killed by SIGKILL again and again, between saves and in the middle of them, ends with the same losses
and the same final state, bit for bit, as one that was never disturbed: with dropout, a shuffling loader, two workers."""
import argparse
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples"))
import stage  # noqa: E402

STEPS = 100
SAVE_EVERY = stage.SAVE_EVERY


def merge(losses, trainer):
    for step, loss in trainer.losses().items():
        stage.expect(losses.get(step, loss) == loss, f"the loss of step {step} came out differently the second time")
        losses[step] = loss


def killed_again_and_again(build, store, text):
    """Before the first save, between saves, in the middle of two of them, and after the last step but one."""
    losses = {}
    for kill in (("step", 7), ("save", 25), ("step", 33), ("save", 50), ("step", 80), ("step", 99)):
        trainer = stage.Trainer(build, store, text, STEPS)
        if kill[0] == "save":
            trainer.kill_while_saving(kill[1])
        else:
            trainer.kill_after_step(kill[1])
        merge(losses, trainer)
    last = stage.Trainer(build, store, text, STEPS).run()
    stage.expect(last.all("resumed")[0]["step"] == 75, "the last trainer did not resume from step 75")
    merge(losses, last)
    return losses


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    build = parser.parse_args().build.resolve()
    text = pathlib.Path(__file__).resolve().parents[2] / "LICENSE"
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        straight = stage.Trainer(build, directory / "straight", text, STEPS).run()
        losses = killed_again_and_again(build, directory / "killed", text)
        stage.expect(losses == straight.losses(), "the losses differ from those of the undisturbed run")
        digests = [stage.Command(build, directory / name).digest("head") for name in ("straight", "killed")]
        stage.expect(digests[0] == digests[1], f"the final states differ: {digests}")
        print(f"{len(losses)} losses and the final state {digests[0]} are the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
