package dev.graft.tokenizer.split;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.Role;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.tokenizer.check.NearDuplicates;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Decides which rows are held out for validation, so that nothing leaks: rows with the same prompt,
 * near duplicates and, by a rule, rows of one group form a cluster, and a cluster is never divided.
 * The decision depends on the rows alone, not on their order or on chance.
 *
 * <p>By hash and by group, clusters go to validation in the order of the least hash of their rows
 * until the share is reached. By time, the latest rows are held out; what of the earlier ones
 * belongs to their clusters goes with them.
 */
public final class DataSplit {
  private final List<DataRow> rows;
  private final int[] parent;

  private DataSplit(List<DataRow> rows) {
    this.rows = rows;
    parent = new int[rows.size()];
    Arrays.setAll(parent, i -> i);
  }

  /**
   * Which rows are held out.
   *
   * @param share of the rows, between 0 and 1; what comes out is as near as whole clusters allow
   * @return (rows) true for validation; at least one on each side
   * @throws DataException if a row lacks the field, or everything is one cluster
   */
  public static boolean[] heldOut(List<DataRow> rows, double share, SplitRule rule) {
    DataSplit split = new DataSplit(rows);
    split.joinAlike();
    if (rule instanceof SplitRule.ByGroup(String field)) {
      split.joinGroups(field);
    }
    boolean[] held = split.choose(share, rule);
    long count = 0;
    for (boolean one : held) {
      count += one ? 1 : 0;
    }
    if (count == 0 || count == held.length) {
      throw new DataException(
          "The rows cannot be divided: all of them hang together, by near duplicates"
              + (rule instanceof SplitRule.ByGroup ? " or groups" : "")
              + ". Use more varied data, or files that are made apart.");
    }
    return held;
  }

  private int root(int row) {
    int root = row;
    while (parent[root] != root) {
      parent[root] = parent[parent[root]];
      root = parent[root];
    }
    return root;
  }

  private void join(int one, int other) {
    int first = root(one);
    int second = root(other);
    parent[Math.max(first, second)] = Math.min(first, second);
  }

  private void joinAlike() {
    NearDuplicates duplicates = new NearDuplicates();
    List<int[]> signatures =
        rows.parallelStream().map(row -> duplicates.signature(text(row))).toList();
    Map<String, Integer> prompts = new HashMap<>();
    for (int i = 0; i < rows.size(); i++) {
      for (int other : duplicates.add(signatures.get(i))) {
        join(i, other);
      }
      Integer same = prompts.putIfAbsent(prompt(rows.get(i)), i);
      if (same != null) {
        join(i, same);
      }
    }
  }

  private void joinGroups(String field) {
    Map<String, Integer> groups = new HashMap<>();
    for (int i = 0; i < rows.size(); i++) {
      Integer same = groups.putIfAbsent(String.valueOf(value(i, field)), i);
      if (same != null) {
        join(i, same);
      }
    }
  }

  private Object value(int row, String field) {
    Object value = rows.get(row).fields().get(field);
    if (value == null) {
      throw new DataException(
          rows.get(row).row().origin(), "has no \"" + field + "\", which --by names. Add it.");
    }
    return value;
  }

  private boolean[] choose(double share, SplitRule rule) {
    int wanted = (int) Math.clamp(Math.round(rows.size() * share), 1, rows.size() - 1);
    Map<Integer, List<Integer>> clusters = new HashMap<>();
    for (int i = 0; i < rows.size(); i++) {
      clusters.computeIfAbsent(root(i), _ -> new ArrayList<>()).add(i);
    }
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      order.add(i);
    }
    order.sort(
        switch (rule) {
          case SplitRule.ByTime(String field) -> byTime(field).reversed();
          case SplitRule.ByHash _, SplitRule.ByGroup _ -> byHash();
        });
    boolean[] held = new boolean[rows.size()];
    int count = 0;
    for (int row : order) {
      List<Integer> cluster = clusters.getOrDefault(root(row), List.of());
      boolean fits = count + cluster.size() <= wanted || count == 0;
      if (!held[row] && fits && cluster.size() < rows.size()) {
        cluster.forEach(member -> held[member] = true);
        count += cluster.size();
      }
      if (count >= wanted) {
        break;
      }
    }
    return held;
  }

  private Comparator<Integer> byHash() {
    String[] hashes = new String[rows.size()];
    Arrays.setAll(hashes, i -> RowHash.of(rows.get(i)));
    return Comparator.comparing((Integer row) -> hashes[row]).thenComparing(row -> row);
  }

  private Comparator<Integer> byTime(String field) {
    boolean numbers = value(0, field) instanceof Number;
    for (int i = 0; i < rows.size(); i++) {
      Object value = value(i, field);
      boolean date = value instanceof String text && text.matches("\\d{4}-\\d{2}(-\\d{2}.*)?");
      if (numbers ? !(value instanceof Number) : !date) {
        throw new DataException(
            rows.get(i).row().origin(),
            "\""
                + field
                + "\" is "
                + value
                + (numbers ? ", not a number as before" : ", not a date like 2026-01-31")
                + ". Bring the field into one form.");
      }
    }
    return numbers
        ? Comparator.comparingDouble(row -> ((Number) value(row, field)).doubleValue())
        : Comparator.comparing(row -> value(row, field).toString());
  }

  private static String text(DataRow row) {
    return switch (row.row()) {
      case Conversation conversation ->
          conversation.messages().stream()
              .filter(message -> message.role() != Role.SYSTEM)
              .map(Message::content)
              .collect(Collectors.joining("\n"));
      case TokenSequence tokens -> Arrays.toString(tokens.inputIds());
    };
  }

  private static String prompt(DataRow row) {
    return switch (row.row()) {
      case Conversation conversation ->
          conversation.messages().subList(0, conversation.messages().size() - 1).toString();
      case TokenSequence tokens -> Arrays.toString(tokens.inputIds());
    };
  }
}
