#!/usr/bin/env python3
"""A table of the goals and what run.sh measured, from the files in its folder."""

import json
import os
import re
import sys

PEAK_SHARE = 0.50
SPEEDUP = 1.3
MEMORY_WITHIN = 0.05

folder = sys.argv[1]


def path(name):
    return os.path.join(folder, name)


def read(name):
    try:
        with open(path(name), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def data(name):
    text = read(name)
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def row(goal, measured, verdict):
    print(f"{goal:52} {measured:46} {verdict}")


def verdict(good):
    return "reached" if good else "MISSED"


def peak():
    """One product's rate, measured once for all benchmarks of the run."""
    for name in sorted(os.listdir(folder)):
        if name.startswith("bench-") and name.endswith(".json"):
            found = (data(name) or {}).get("peak_gflops")
            if found:
                return found
    return None


def benchmarks():
    highest = peak()
    for name in sorted(os.listdir(folder)):
        match = re.fullmatch(r"bench-(.+)\.json", name)
        bench = data(name) if match else None
        if not bench:
            continue
        shape = bench["shape"]
        label = f"{match[1]}: {shape['tokens']} tokens"
        rate = f"{bench['step_gflops'] / 1e3:.1f} TFLOP/s, {bench['tokens_per_second']:.0f} tokens/s"
        if highest:
            share = bench["step_gflops"] / highest
            row(
                f"{label}, >= {PEAK_SHARE:.0%} of the peak",
                f"{share:.1%} ({rate}; peak {highest / 1e3:.0f})",
                verdict(share >= PEAK_SHARE),
            )
        else:
            row(label, rate, "no peak was measured")
        peer = data(f"peer-{match[1]}.json")
        if peer and "tokens_per_second" in peer:
            times = bench["tokens_per_second"] / peer["tokens_per_second"]
            row(
                f"{label}, >= {SPEEDUP} x the peer's best",
                f"{times:.2f} x ({peer['tokens_per_second']:.0f} tokens/s, {peer['best']})",
                verdict(times >= SPEEDUP),
            )
            print(f"  peer: {peer['library']}, torch {peer['torch']}")
            for result in peer["variants"]:
                if "error" in result:
                    print(f"    {result['variant']:24} {result['error'][:90]}")
                else:
                    print(
                        f"    {result['variant']:24} {result['tokens_per_second']:8.0f} tokens/s,"
                        f" {result.get('peak_reserved_bytes', 0) / 1e9:.1f} GB"
                    )
            difference = peer.get("first_loss_difference")
            if difference is not None:
                row(
                    f"{label}, the same loss",
                    f"within {difference:.1e} of {peer['graft_losses'][0]:.4f}",
                    verdict(peer["same_loss"]),
                )
        else:
            row(f"{label}, >= {SPEEDUP} x the peer's best", "the peer gave nothing", "MISSING")
        taken = bench.get("device_bytes_taken")
        if taken:
            print(
                f"  memory: {taken / 1e9:.2f} GB taken after the first step,"
                f" {bench['allocated_bytes'] / 1e9:.2f} GB of it allocated by graft"
            )


def planned_bytes(text):
    """The number of GB or MB on the plan's line that says the peak, of the device if it has one."""
    lines = [line for line in text.splitlines() if re.search(r"\b(peak|total|all)\b", line, re.I)]
    lines.sort(key=lambda line: 0 if re.search(r"device|card|gpu|cuda", line, re.I) else 1)
    units = {"GB": 1e9, "GIB": 2**30, "MB": 1e6, "MIB": 2**20}
    for line in lines:
        match = re.search(r"([\d.,]+)\s*(GB|GiB|MB|MiB)\b", line)
        if match:
            return float(match[1].replace(",", "")) * units[match[2].upper()], line.strip()
    return None, ""


def memory():
    planned, line = planned_bytes(read("plan-8b.txt"))
    used = read("plan-8b.used").strip()
    if not planned or not used:
        row("memory within 5 % of the plan", "no plan, or no run of it", "MISSING")
        return
    taken = int(used) * 2**20
    before = read("plan-8b.before").strip()
    if before.isdigit():
        taken -= int(before) * 2**20
    difference = taken / planned - 1
    row(
        f"memory within {MEMORY_WITHIN:.0%} of the plan",
        f"{difference:+.1%} ({taken / 1e9:.2f} GB taken, {planned / 1e9:.2f} planned)",
        verdict(abs(difference) <= MEMORY_WITHIN),
    )
    print(f"  the plan's line: {line}")


def tests():
    for name in ("contracts", "golden"):
        text = read(f"{name}.log")
        counts = {
            word: int(number)
            for number, word in re.findall(r"\[\s*(\d+) tests (successful|failed|skipped|aborted)", text)
        }
        if counts:
            row(
                f"{name}: all tests pass on the card",
                ", ".join(f"{number} {word}" for word, number in counts.items()),
                verdict(counts.get("failed") == 0 and counts.get("successful", 0) > 0),
            )
        else:
            row(f"{name}: all tests pass on the card", "nothing was counted", "MISSING")


def parts():
    print("\nparts (exit code, seconds):")
    for line in read("parts.txt").splitlines():
        print(f"  {line}")


print()
row("goal", "measured", "")
benchmarks()
memory()
tests()
parts()
