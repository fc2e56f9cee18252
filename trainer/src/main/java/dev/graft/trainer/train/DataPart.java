package dev.graft.trainer.train;

import dev.graft.tokenizer.DataFormat;
import dev.graft.trainer.config.DataConfig;
import dev.graft.trainer.config.DataSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * One data file of a run.
 *
 * @param part the number of its source in {@code data.train}, or {@link #VALIDATION}
 * @param columns what keys are called in it, by the name that they have here
 */
record DataPart(int part, Path file, DataFormat format, Map<String, String> columns) {

  /** The part of examples that are not learned from. */
  static final int VALIDATION = -1;

  /** All files that a configuration names, training first. */
  static List<DataPart> all(DataConfig config) {
    List<DataPart> parts = new ArrayList<>();
    for (int i = 0; i < config.train().size(); i++) {
      add(config, config.train().get(i), i, parts);
    }
    config.validation().forEach(source -> add(config, source, VALIDATION, parts));
    return List.copyOf(parts);
  }

  private static void add(DataConfig config, DataSource source, int part, List<DataPart> parts) {
    DataFormat format = DataFormat.valueOf(config.formatOf(source).name());
    for (Path file : source.files()) {
      parts.add(new DataPart(part, file, format, config.columnsOf(source)));
    }
  }

  /** The files, in the order of the parts. */
  static List<Path> files(List<DataPart> parts) {
    return parts.stream().map(DataPart::file).toList();
  }

  boolean isValidation() {
    return part == VALIDATION;
  }
}
