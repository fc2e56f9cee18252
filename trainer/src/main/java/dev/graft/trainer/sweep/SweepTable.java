package dev.graft.trainer.sweep;

import dev.graft.trainer.sweep.SweepRecord.Run;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A sweep as lines of text, the best run first, those without a loss last. */
public final class SweepTable {

  private SweepTable() {}

  /** The table; empty where no run has begun. */
  public static List<String> lines(SweepRecord sweep, Grid grid) {
    List<Run> ranked = sweep.ranked();
    List<Run> rows = new ArrayList<>(ranked);
    sweep.runs().stream().filter(run -> !ranked.contains(run)).forEach(rows::add);
    List<List<String>> cells = new ArrayList<>();
    cells.add(header(grid));
    for (int i = 0; i < rows.size(); i++) {
      cells.add(row(rows.get(i), i < ranked.size() ? String.valueOf(i + 1) : "", grid));
    }
    return aligned(cells);
  }

  private static List<String> header(Grid grid) {
    List<String> header = new ArrayList<>(List.of(""));
    grid.varying().forEach(axis -> header.add(grid.shortKey(axis.key())));
    header.addAll(List.of("loss", "at step", "steps", "time", "run"));
    return header;
  }

  private static List<String> row(Run run, String rank, Grid grid) {
    List<String> row = new ArrayList<>(List.of(rank));
    grid.varying().forEach(axis -> row.add(run.settings().getOrDefault(axis.key(), "")));
    row.add(
        run.loss().isPresent()
            ? String.format(Locale.ROOT, "%.4f", run.loss().getAsDouble())
            : run.status().name().toLowerCase(Locale.ROOT));
    row.add(run.loss().isPresent() ? String.valueOf(run.lossStep()) : "");
    row.add(run.totalSteps() > 0 ? run.steps() + "/" + run.totalSteps() : "");
    row.add(run.seconds() > 0 ? clock(run.seconds()) : "");
    row.add(run.name());
    return row;
  }

  private static String clock(double seconds) {
    long whole = Math.round(seconds);
    return String.format(Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  }

  private static List<String> aligned(List<List<String>> cells) {
    int[] widths = new int[cells.getFirst().size()];
    for (List<String> row : cells) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    return cells.stream()
        .map(row -> {
          List<String> padded = new ArrayList<>();
          for (int i = 0; i < widths.length; i++) {
            padded.add(row.get(i) + " ".repeat(widths[i] - row.get(i).length()));
          }
          return padded.stream().collect(Collectors.joining("  ")).stripTrailing();
        })
        .toList();
  }
}
