package dev.graft.tokenizer.split;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.Role;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.tokenizer.check.Boilerplate;
import dev.graft.tokenizer.check.NearDuplicates;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Decides which rows are held out for validation, so that nothing leaks: rows with the same prompt,
 * near duplicates and, by a rule, rows of one group form a cluster, and a cluster is never divided.
 * The decision depends on the rows alone, not on their order or on chance.
 *
 * <p>By hash and by group, clusters go to validation in the order of the least hash of their rows
 * until the share is reached; one that is too large is passed over. By time, the latest rows are
 * held out; what of the earlier ones belongs to their clusters goes with them.
 *
 * <p>Of each row some 2 KB are kept and none of its text, so that files may be larger than memory.
 */
public final class DataSplit {
  /** Joins what is somewhat less alike than what a check calls a near duplicate. */
  private static final int AGREE = 96;

  private static final int PROMPT_CHARACTERS = 20;
  private static final int BATCH = 256;

  /** Goes through all rows, each time from the first. */
  @FunctionalInterface
  public interface Rows {
    /** Shows each row. */
    void forEach(Consumer<? super DataRow> each);
  }

  /** What is kept of a row. */
  private record Kept(Origin origin, String hash, @Nullable Object field) {}

  /** What is computed of a row, on all cores. */
  @SuppressWarnings("ArrayRecordComponent") // taken apart at once
  private record Looked(Kept kept, String prompt, int[] whole, int[] own) {}

  private final SplitRule rule;
  private final NearDuplicates wholes = new NearDuplicates(Boilerplate.NONE, AGREE);
  private final Map<String, Integer> prompts = new HashMap<>();
  private final Map<String, Integer> groups = new HashMap<>();
  private final List<Kept> rows = new ArrayList<>();
  private final List<DataRow> waiting = new ArrayList<>();
  private @Nullable NearDuplicates owns;
  private int[] parent = new int[1024];

  /** Nothing taken in yet; what is boilerplate is told from the first rows. */
  public DataSplit(SplitRule rule) {
    this.rule = rule;
  }

  private DataSplit(SplitRule rule, Boilerplate boilerplate) {
    this.rule = rule;
    this.owns = new NearDuplicates(boilerplate, AGREE);
  }

  /**
   * Which rows are held out; the order of the rows does not matter.
   *
   * @param rows gone through twice, so that what is boilerplate does not depend on which come first
   * @param share of the rows, between 0 and 1; what comes out is as near as whole clusters allow
   * @return (rows) true for validation; at least one on each side
   * @throws DataException if there are fewer than two rows, a row lacks the field, or the rows hang
   *     together too much
   */
  public static boolean[] heldOut(Rows rows, double share, SplitRule rule) {
    DataSplit split = new DataSplit(rule, boilerplate(rows));
    List<DataRow> batch = new ArrayList<>();
    rows.forEach(row -> {
      batch.add(row);
      if (batch.size() == BATCH) {
        split.addAll(batch);
        batch.clear();
      }
    });
    split.addAll(batch);
    return split.heldOut(share);
  }

  /** From those rows that have the least hashes. */
  private static Boilerplate boilerplate(Rows rows) {
    TreeMap<String, String> sample = new TreeMap<>();
    rows.forEach(row -> {
      String hash = RowHash.of(row);
      if (sample.size() < Boilerplate.SAMPLE || hash.compareTo(sample.lastKey()) < 0) {
        sample.put(hash, text(row));
        if (sample.size() > Boilerplate.SAMPLE) {
          sample.pollLastEntry();
        }
      }
    });
    return Boilerplate.of(List.copyOf(sample.values()));
  }

  /**
   * Takes in more rows; on all cores.
   *
   * @throws DataException if a row lacks the field that the rule names
   */
  public void addAll(List<DataRow> more) {
    if (owns == null) {
      waiting.addAll(more);
      if (waiting.size() >= Boilerplate.SAMPLE) {
        begin();
      }
      return;
    }
    // In order, so that it is the first row without the field that is named.
    more.forEach(this::field);
    NearDuplicates others = owns;
    for (Looked row : more.parallelStream().map(row -> look(row, others)).toList()) {
      add(row, others);
    }
  }

  private void begin() {
    if (owns == null) {
      owns =
          new NearDuplicates(
              Boilerplate.of(
                  waiting.stream().limit(Boilerplate.SAMPLE).map(DataSplit::text).toList()),
              AGREE);
      addAll(List.copyOf(waiting));
      waiting.clear();
    }
  }

  private Looked look(DataRow row, NearDuplicates others) {
    String text = text(row);
    Kept kept = new Kept(row.row().origin(), RowHash.of(row), field(row));
    return new Looked(kept, prompt(row), wholes.signature(text), others.signature(text));
  }

  private @Nullable Object field(DataRow row) {
    return switch (rule) {
      case SplitRule.ByHash _ -> null;
      case SplitRule.ByGroup(String field) -> value(row, field);
      case SplitRule.ByTime(String field) -> value(row, field);
    };
  }

  private static Object value(DataRow row, String field) {
    Object value = row.fields().get(field);
    if (value == null) {
      throw new DataException(
          row.row().origin(), "has no \"" + field + "\", which --by names. Add it.");
    }
    return value;
  }

  private void add(Looked row, NearDuplicates others) {
    int number = rows.size();
    rows.add(row.kept());
    if (number == parent.length) {
      parent = Arrays.copyOf(parent, number * 2);
    }
    parent[number] = number;
    wholes.add(row.whole()).forEach(other -> join(number, other));
    others.add(row.own()).forEach(other -> join(number, other));
    joinSame(prompts, row.prompt(), number);
    if (rule instanceof SplitRule.ByGroup) {
      joinSame(groups, String.valueOf(row.kept().field()), number);
    }
  }

  private void joinSame(Map<String, Integer> first, String key, int number) {
    Integer same = first.putIfAbsent(key, number);
    if (same != null) {
      join(number, same);
    }
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

  /**
   * Which of the rows taken in are held out.
   *
   * @param share of the rows, between 0 and 1; what comes out is as near as whole clusters allow
   * @return (rows) true for validation; at least one on each side
   * @throws DataException if there are fewer than two rows, or they hang together too much
   */
  public boolean[] heldOut(double share) {
    begin();
    if (rows.size() < 2) {
      throw new DataException("There are too few rows to divide: " + rows.size() + ".");
    }
    Map<Integer, List<Integer>> clusters = new HashMap<>();
    for (int i = 0; i < rows.size(); i++) {
      clusters.computeIfAbsent(root(i), _ -> new ArrayList<>()).add(i);
    }
    if (clusters.size() == 1) {
      throw new DataException(
          "The rows cannot be divided: all of them hang together, by near duplicates"
              + (rule instanceof SplitRule.ByGroup ? " or groups" : "")
              + ". Use more varied data, or files that are made apart.");
    }
    int wanted = (int) Math.clamp(Math.round(rows.size() * share), 1, rows.size() - 1);
    return switch (rule) {
      case SplitRule.ByTime(String field) ->
          latest(clusters, SplitTimes.of(field, times()), wanted);
      case SplitRule.ByHash _, SplitRule.ByGroup _ -> fitting(clusters, wanted);
    };
  }

  private List<SplitTimes.Time> times() {
    return rows.stream()
        .map(row -> new SplitTimes.Time(row.origin(), String.valueOf(row.field())))
        .toList();
  }

  /** Rows that hang together, by the least of their hashes. */
  private record Cluster(String least, List<Integer> members) {}

  /** By hash, whatever still fits; if nothing does, the smallest cluster. */
  private boolean[] fitting(Map<Integer, List<Integer>> clusters, int wanted) {
    List<Cluster> order =
        clusters.values().stream()
            .map(members ->
                new Cluster(Collections.min(members.stream().map(this::hash).toList()), members))
            .sorted(Comparator.comparing(Cluster::least))
            .toList();
    boolean[] held = new boolean[rows.size()];
    int count = 0;
    Cluster smallest = order.getFirst();
    for (Cluster cluster : order) {
      int size = cluster.members().size();
      if (count + size <= wanted) {
        cluster.members().forEach(member -> held[member] = true);
        count += size;
      }
      smallest = size < smallest.members().size() ? cluster : smallest;
    }
    if (count == 0) {
      smallest.members().forEach(member -> held[member] = true);
    }
    return held;
  }

  private String hash(int row) {
    return rows.get(row).hash();
  }

  /** From the latest row backwards, each with its cluster. */
  private boolean[] latest(Map<Integer, List<Integer>> clusters, double[] times, int wanted) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      order.add(i);
    }
    order.sort((one, other) -> {
      int later = Double.compare(times[other], times[one]);
      return later != 0 ? later : rows.get(one).hash().compareTo(rows.get(other).hash());
    });
    boolean[] held = new boolean[rows.size()];
    int count = 0;
    for (int row : order) {
      if (count >= wanted) {
        break;
      }
      if (!held[row]) {
        List<Integer> members = clusters.getOrDefault(root(row), List.of());
        members.forEach(member -> held[member] = true);
        count += members.size();
      }
    }
    if (count > Math.max(2L * wanted, wanted + 10L) || count == rows.size()) {
      throw new DataException(
          ("The latest %,d rows are near duplicates of so many earlier ones that %,d of %,d rows"
                  + " would be held out. Remove near duplicates first (graft check names them), or"
                  + " use --by hash.")
              .formatted(wanted, count, rows.size()));
    }
    return held;
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

  /**
   * What leads to the first answer that is asked for in so many characters: where everyone begins
   * with the same greeting, that joins nothing.
   */
  private static String prompt(DataRow row) {
    return switch (row.row()) {
      case Conversation conversation -> {
        List<Message> messages = conversation.messages();
        int asked = 0;
        int end = 0;
        for (; end < messages.size() - 1; end++) {
          Message message = messages.get(end);
          if (message.role() == Role.ASSISTANT && asked >= PROMPT_CHARACTERS) {
            break;
          }
          asked += message.role() == Role.SYSTEM ? 0 : message.content().length();
        }
        yield RowHash.of(messages.subList(0, end));
      }
      case TokenSequence tokens -> RowHash.of(tokens);
    };
  }
}
