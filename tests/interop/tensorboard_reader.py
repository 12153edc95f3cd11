"""Has TensorBoard's own reader read a run's event files: python3 tensorboard_reader.py RUN

Needs `pip install tensorboard`. Numbers must be those of RUN/metrics.jsonl, and the last pictures
those of RUN without their text. Exits with 1 and says why if they are not.
"""

import io
import json
import math
import sys
import tomllib
from pathlib import Path

from PIL import Image
from tensorboard.backend.event_processing import event_file_loader, io_wrapper
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams

EVERYTHING = {"scalars": 0, "images": 0}
MARGIN = 20


def check(found, expected, what):
    if found != expected:
        sys.exit(f"{what}: expected {expected}, found {found}")


def expected_scalars(run):
    """The steps and numbers of each tag, of training and of the test set."""
    train, test = {}, {}
    for line in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()):
        if line["kind"] == "step":
            for name in ("elbo", "log_likelihood", "kl"):
                train.setdefault(f"step/{name}", []).append((line["step"], line[name]))
            continue
        if line["kind"] != "epoch":
            continue
        epoch = line["epoch"]
        for part, series in (("train", train), ("test", test)):
            elbo, kl = line[f"{part}_elbo"], line[f"{part}_kl"]
            for name, value in (("elbo", elbo), ("log_likelihood", elbo + kl), ("kl", kl)):
                series.setdefault(f"epoch/{name}", []).append((epoch, value))
        speed = (epoch, line["images_per_second"])
        train.setdefault("epoch/images_per_second", []).append(speed)
        for name in ("learning_rate", "kl_weight", "gradient_norm"):
            train.setdefault(f"epoch/{name}", []).append((epoch, line[name]))
    return {"train": train, "test": test}


def check_scalars(events, expected, part):
    check(sorted(events.Tags()["scalars"]), sorted(expected), f"tags of {part}")
    for tag, points in expected.items():
        found = events.Scalars(tag)
        check([event.step for event in found], [step for step, _ in points], f"steps of {tag}")
        for event, (step, value) in zip(found, points):
            # The files have numbers of 32 bits.
            if not math.isclose(event.value, value, rel_tol=1e-6):
                sys.exit(f"{part}, {tag} at {step}: expected {value}, found {event.value}")


def check_settings(run):
    """The HParams plugin finds the run's settings, and that it ended."""
    (file,) = run.glob("*tfevents*")
    found = {}
    for event in event_file_loader.EventFileLoader(str(file)).Load():
        for value in event.summary.value:
            check(value.metadata.plugin_data.plugin_name, hparams.PLUGIN_NAME, value.tag)
            found[value.tag] = value.metadata.plugin_data.content
    start = hparams.parse_session_start_info_plugin_data(found.pop(hparams.SESSION_START_INFO_TAG))
    end = hparams.parse_session_end_info_plugin_data(found.pop(hparams.SESSION_END_INFO_TAG))
    check(list(found), [], "other values of settings")
    settings = tomllib.loads((run / "config.toml").read_text())
    for name in ("batch", "epochs", "learning_rate", "seed"):
        check(start.hparams[name].number_value, settings[name], name)
    check(start.hparams["hidden"].string_value, ",".join(map(str, settings["hidden"])), "hidden")
    check(end.status, 1, "status of the run")
    if not 0 < start.start_time_secs <= end.end_time_secs:
        sys.exit(f"the run began at {start.start_time_secs} and ended at {end.end_time_secs}")
    print(f"HParams: {len(start.hparams)} settings")


def check_pictures(events, epochs, run):
    expected = ["pictures/reconstructions", "pictures/samples"]
    check(sorted(events.Tags()["images"]), expected, "tags of pictures")
    for tag in expected:
        found = events.Images(tag)
        check([event.step for event in found], epochs, f"epochs of {tag}")
        for event in found:
            with Image.open(io.BytesIO(event.encoded_image_string)) as picture:
                picture.load()
                check((picture.format, picture.mode), ("PNG", "RGB"), tag)
                check(picture.size, (event.width, event.height), f"size of {tag}")
        file = (run / tag).name + ".png"
        last = Image.open(io.BytesIO(found[-1].encoded_image_string))
        with Image.open(run / file) as whole:
            # Text is at the left and above.
            left, top = whole.width - last.width, whole.height - last.height
            images = whole.crop((left, top, *whole.size))
        inner = (MARGIN, MARGIN, last.width, last.height)
        if left < MARGIN or top < MARGIN or images.crop(inner).tobytes() != last.crop(inner).tobytes():
            sys.exit(f"{tag}: the last does not have the images of {file}")


def main(run):
    # As TensorBoard looks for runs below a folder.
    logdir = run.parent
    folders = {Path(folder) for folder in io_wrapper.GetLogdirSubdirectories(str(logdir))}
    check(run in folders, True, "the folder with settings")
    names = {str(folder.relative_to(logdir)) for folder in folders if run in folder.parents}
    expected = expected_scalars(run)
    check(names, {f"{run.name}/{part}" for part in expected}, "names of runs")
    check_settings(run)
    for part, series in expected.items():
        folder = run / part
        (file,) = folder.iterdir()
        first = next(event_file_loader.EventFileLoader(str(file)).Load())
        check(first.file_version, "brain.Event:2", f"first event of {file}")
        events = EventAccumulator(str(folder), EVERYTHING)
        events.Reload()
        check_scalars(events, series, part)
        if part == "test":
            epochs = [epoch for epoch, _ in series["epoch/elbo"]]
            check_pictures(events, epochs, run)
        else:
            check(events.Tags()["images"], [], f"pictures of {part}")
        for tag, points in series.items():
            print(f"{part:5} {tag}: {len(points)} points to step {points[-1][0]}")
    print("TensorBoard reads what the run wrote")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
