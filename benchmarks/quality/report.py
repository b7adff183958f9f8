"""Rows of measurements → a line each, a table, a plot."""

from __future__ import annotations

from pathlib import Path
from statistics import mean, median

ORACLE = "exhaustive search"
OURS = ("best", "best, low", "best, high", "ladder", ORACLE)
UNREDUCED = ", unreduced"
PEERS_IN_CPU = ("ladder", "mozjpeg, bisected", "mozjpeg, bisected" + UNREDUCED)
SIZES = ((2_000_000, 10**12, "2 MP and more"), (0, 2_000_000, "less than 2 MP"), (0, 10**12, "all"))


def line(row: dict) -> str:
    if row["bytes"] is None:
        return f"{row['picture'][:32]:32} {row['limit']:7} {row['method']:24} gave up"
    costs = f"{row['seconds']:7.2f} s {row['megabytes']:6.0f} MB" if "seconds" in row else ""
    over = "" if row["fits"] else "  OVER"
    return (
        f"{row['picture'][:32]:32} {row['limit']:7} {row['method']:24} {row['bytes']:7} B "
        f"{row['ssimulacra2']:7.2f} {row['psnr_hvs_m']:6.2f} dB {costs}{over}"
    )


def table(rows: list[dict], limit: int) -> str:
    """Markdown. Means are over all pictures on which the method gave a JPEG at all, over the limit or not."""
    head = f"SSIMULACRA2 at {limit // 1000} kB, {len({row['picture'] for row in rows})} pictures"
    lines = [
        f"| {head} | mean | median | worst | PSNR-HVS-M, mean | over the limit | CPU, median | peak memory, most |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for method in dict.fromkeys(row["method"] for row in rows):
        its = [row for row in rows if row["method"] == method]
        scores = [row["ssimulacra2"] for row in its if row["bytes"]]
        hvs = [row["psnr_hvs_m"] for row in its if row["bytes"]]
        seconds = [row["seconds"] for row in its if "seconds" in row]
        costs = f"{median(seconds):.2f} s | {max(row['megabytes'] for row in its):.0f} MB" if seconds else "– | –"
        lines.append(
            f"| {method} | {mean(scores):.1f} | {median(scores):.1f} | {min(scores):.1f} | {mean(hvs):.2f} dB "
            f"| {sum(not row['fits'] for row in its)} | {costs} |"
        )
    return "\n".join([*lines, "", *_comparison(rows), *_cpu(rows)])


def _cpu(rows: list[dict]) -> list[str]:
    """CPU of each form of ``best``, as medians of its ratio to that of ``ladder`` and of mozjpeg's bisections."""
    seconds = {(row["picture"], row["method"]): row["seconds"] for row in rows if row.get("seconds")}
    said = []
    for ours in sorted({method for _, method in seconds if method.startswith("best")}):
        for least, below, what in SIZES:
            ratios = {
                peer: [
                    seconds[row["picture"], ours] / seconds[row["picture"], peer]
                    for row in rows
                    if row["method"] == peer and least <= row["pixels"] < below and (row["picture"], ours) in seconds
                ]
                for peer in PEERS_IN_CPU
            }
            beside = ", ".join(f"{median(some):.2f} x {peer}" for peer, some in ratios.items() if some)
            if beside:
                said.append(f"CPU of `{ours}`, median, {what} ({max(map(len, ratios.values()))} pictures): {beside}.")
    return said


def _comparison(rows: list[dict]) -> list[str]:
    """How ``best`` stands to the best peer of each picture that keeps the limit, those that got the whole picture
    apart, and to the exhaustive search."""
    pictures: dict[str, dict[str, dict]] = {}
    for row in rows:
        pictures.setdefault(row["picture"], {})[row["method"]] = row
    ahead: dict[str, list[float]] = {"": [], UNREDUCED: []}
    behind_oracle = []
    for found in pictures.values():
        if "best" not in found:
            continue
        ours = found["best"]["ssimulacra2"]
        for kind, gaps in ahead.items():
            peers = [
                row["ssimulacra2"]
                for name, row in found.items()
                if name not in OURS and row["fits"] and name.endswith(UNREDUCED) == bool(kind)
            ]
            gaps += [ours - max(peers)] if peers else []
        behind_oracle += [found[ORACLE]["ssimulacra2"] - ours] if ORACLE in found else []
    said = []
    for kind, gaps in ahead.items():
        if gaps:
            behind = sum(gap < -0.5 for gap in gaps)
            said.append(
                f"`best` against the best peer{kind} of each picture that keeps the limit: {mean(gaps):+.1f} on "
                f"average, {min(gaps):+.1f} at worst; behind by more than 0.5 on {behind} of {len(gaps)}."
            )
    if behind_oracle:
        said.append(
            f"Behind the exhaustive search: {mean(behind_oracle):.2f} on average, {max(behind_oracle):.2f} at worst."
        )
    return said


def plot(rows: list[dict], path: Path) -> None:
    """One panel a limit and folder: SSIMULACRA2 of each picture, pictures ordered by what ``best`` reaches."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    groups = list(dict.fromkeys((row["limit"], row["folder"]) for row in sorted(rows, key=lambda row: row["limit"])))
    colours = {method: f"C{number}" for number, method in enumerate(dict.fromkeys(row["method"] for row in rows))}
    figure, panels = plt.subplots(1, len(groups), figsize=(4.6 * len(groups), 4.6), sharey=True, squeeze=False)
    for panel, (limit, folder) in zip(panels[0], groups, strict=True):
        here = [row for row in rows if (row["limit"], row["folder"]) == (limit, folder) and row["bytes"]]
        ours = {row["picture"]: row["ssimulacra2"] for row in here if row["method"] == "best"}
        place = {picture: number for number, picture in enumerate(sorted(ours, key=ours.get), 1)}
        for method in dict.fromkeys(row["method"] for row in here):
            its = sorted((place[row["picture"]], row["ssimulacra2"]) for row in here if row["method"] == method)
            style = {"linewidth": 1.0, "alpha": 0.85, "color": colours[method]}
            if method == "best":
                style = {"linewidth": 2.6, "color": "black", "zorder": 5}
            panel.plot(*zip(*its, strict=True), marker="o", markersize=3.5, label=method, **style)
        panel.set_title(f"{folder}, {limit // 1000} kB")
        panel.set_xlabel("picture, hardest first")
        panel.xaxis.get_major_locator().set_params(integer=True)
        for level, word in ((30, "poor"), (50, "fair"), (70, "good")):
            panel.axhline(level, color="grey", linewidth=0.6, linestyle=":")
            panel.annotate(
                word, (0.99, level), xycoords=("axes fraction", "data"), ha="right", va="bottom", color="grey"
            )
        panel.set_ylim(-70, 100)
    panels[0][0].set_ylabel("SSIMULACRA2: higher is closer to the original")
    known = {label: line for panel in panels[0] for line, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    figure.legend(known.values(), known.keys(), fontsize=8, loc="upper center", ncols=3, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.9))
    figure.savefig(path, dpi=100)
