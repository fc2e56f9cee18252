package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Files that are learned from together.
 *
 * @param files at least one
 * @param weight how often each of their examples is drawn in an epoch: 1 is once, 0.5 every other
 *     epoch, 3 three times
 * @param format what their rows are, where that is not {@code data.format}
 * @param columns what keys are called in them, {@code name=column} each, where that is not {@code
 *     data.columns}
 */
public record DataSource(
    List<Path> files, double weight, Optional<DataFormat> format, List<String> columns) {

  /** The most often that an example may be drawn in an epoch. */
  private static final double MAX_WEIGHT = 1000;

  public DataSource {
    files = List.copyOf(files);
    columns = List.copyOf(columns);
    unless(!files.isEmpty(), "path", "names no file");
    unless(
        weight > 0 && weight <= MAX_WEIGHT,
        "weight",
        "is %s, has to be above 0 and at most %s",
        weight,
        MAX_WEIGHT);
    checkColumns(columns);
  }

  /** One file whose every example is drawn once in an epoch. */
  public static DataSource of(Path file) {
    return new DataSource(List.of(file), 1, Optional.empty(), List.of());
  }

  /** Whether nothing but one file is said. */
  boolean isPlain() {
    return equals(of(files.getFirst()));
  }

  static void checkColumns(List<String> columns) {
    for (String column : columns) {
      unless(
          column.matches("[^=]+=.+"),
          "columns",
          "'%s' is not name=column, e.g. prompt=Question",
          column);
    }
  }

  /** What keys are called in files, by the name that they have here. */
  static Map<String, String> names(List<String> columns) {
    var names = new LinkedHashMap<String, String>();
    for (String column : columns) {
      int equals = column.indexOf('=');
      names.put(column.substring(0, equals), column.substring(equals + 1));
    }
    return names;
  }
}
