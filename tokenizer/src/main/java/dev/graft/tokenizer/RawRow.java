package dev.graft.tokenizer;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A row as it stands in a file, not yet understood.
 *
 * @param origin where it begins
 * @param fields its keys and values in order, as plain Java (Map, List, String, Number, Boolean,
 *     null); {@code input_ids} and {@code labels} are {@code int[]}
 * @param messageLines (messages) the line of each element of {@code conversations} or {@code
 *     messages}; shorter where that is not known
 */
@SuppressWarnings("ArrayRecordComponent") // taken apart at once, never compared
record RawRow(Origin origin, Map<String, @Nullable Object> fields, int[] messageLines) {
  static final int[] NO_LINES = {};

  /** {@code " (line 5)"} for a message that does not stand on the row's first line. */
  String place(int message) {
    if (message >= messageLines.length || messageLines[message] == origin.line()) {
      return "";
    }
    return " (line " + messageLines[message] + ")";
  }

  DataException wrong(String what) {
    return new DataException(origin, what);
  }
}
