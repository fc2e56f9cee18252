package dev.graft.tokenizer;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A row with what the file says beside it.
 *
 * @param row what is learned from
 * @param format how it was written
 * @param fields the row's other keys ({@code id}, {@code source}, …) in their order, as plain Java
 *     values
 * @param losses what of the row's own keys cannot be written back from {@code row}, a phrase each
 */
public record DataRow(
    Row row, DataFormat format, Map<String, @Nullable Object> fields, List<String> losses) {
  private static final int SOURCE_CHARACTERS = 40;

  public DataRow {
    fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
    losses = List.copyOf(losses);
  }

  /** Where the row comes from, by its key {@code "source"}; shortened where that is long. */
  public Optional<String> source() {
    return fields.get("source") instanceof String source && !source.isBlank()
        ? Optional.of(
            source.length() > SOURCE_CHARACTERS
                ? source.substring(0, SOURCE_CHARACTERS) + "…"
                : source)
        : Optional.empty();
  }
}
