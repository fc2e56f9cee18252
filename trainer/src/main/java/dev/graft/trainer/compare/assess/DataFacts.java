package dev.graft.trainer.compare.assess;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.Role;
import dev.graft.tokenizer.check.NearDuplicates;
import dev.graft.trainer.config.UserException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a dataset shows about its task.
 *
 * @param conversations rows
 * @param form the commonest form of an answer: JSON with certain keys, headings, one of a few
 *     labels, or free text
 * @param formShare the share of answers of that form, 0 to 1
 * @param nearDuplicates the share of conversations that resemble an earlier one, 0 to 1
 * @param answerTokens 10 %, 50 % and 90 % of the answers' lengths, at 4 characters a token
 * @param promptTokens mean length of what is asked without system messages, the same way
 * @param systemTokens mean length of system messages
 * @param grounded mean share of an answer's words (three letters or more) that its prompt has too
 */
public record DataFacts(
    int conversations,
    String form,
    double formShare,
    double nearDuplicates,
    List<Integer> answerTokens,
    double promptTokens,
    double systemTokens,
    double grounded) {

  private static final String FREE = "free text";
  private static final int CHARACTERS = 4;
  private static final Pattern HEADING =
      Pattern.compile("(?m)^(?:#{1,6} +(.{1,60}?)|\\*\\*([^*\\n]{1,60})\\*\\*:?)\\s*$");

  /** Reads a dataset from end to end. */
  public static DataFacts of(Path file, DataFormat format, Map<String, String> columns) {
    var reading = new Reading();
    try (ConversationReader reader = ConversationReader.openUnread(file, format, columns)) {
      for (DataRow row = reader.read(); row != null; row = reader.read()) {
        if (!(row.row() instanceof Conversation conversation)) {
          throw new UserException(file + ": holds tokens; an assessment needs conversations");
        }
        reading.add(conversation);
      }
    }
    if (reading.count == 0) {
      throw new UserException(file + ": holds no conversation");
    }
    return reading.facts();
  }

  /** Whether most answers have one form. */
  public boolean isOneForm() {
    return !form.equals(FREE) && formShare >= 0.8;
  }

  private static final class Reading {
    private final NearDuplicates duplicates = new NearDuplicates();
    private final Map<String, Integer> forms = new HashMap<>();
    private final Map<String, Integer> answers = new HashMap<>();
    private final List<Integer> lengths = new ArrayList<>();
    private int count;
    private int resembling;
    private long prompts;
    private long systems;
    private double grounded;

    void add(Conversation conversation) {
      var prompt = new StringBuilder();
      List<Message> messages = conversation.messages();
      String answer = messages.getLast().content().strip();
      for (Message message : messages.subList(0, messages.size() - 1)) {
        if (message.role() == Role.SYSTEM) {
          systems += message.content().length();
        } else {
          prompt.append(message.content()).append('\n');
        }
      }
      count++;
      prompts += prompt.length();
      lengths.add(answer.length() / CHARACTERS + 1);
      resembling += duplicates.add(duplicates.signature(prompt + answer)).isEmpty() ? 0 : 1;
      forms.merge(formOf(answer), 1, Integer::sum);
      answers.merge(answer, 1, Integer::sum);
      grounded += shared(prompt.toString(), answer);
    }

    private static double shared(String prompt, String answer) {
      var known = new HashSet<>(words(prompt));
      List<String> said = words(answer);
      return said.isEmpty()
          ? 1
          : said.stream().filter(known::contains).count() / (double) said.size();
    }

    private static List<String> words(String text) {
      return List.of(text.toLowerCase(Locale.ROOT).split("[^\\p{L}\\p{N}]+")).stream()
          .filter(word -> word.length() >= 3)
          .toList();
    }

    private static String formOf(String answer) {
      if (answer.startsWith("{")) {
        try {
          JsonNode json = JsonMapper.shared().readTree(answer);
          var keys = new TreeSet<>(json.propertyNames());
          return "JSON with " + String.join(", ", keys);
        } catch (JacksonException _) {
          return FREE;
        }
      }
      var headings = new ArrayList<String>();
      Matcher matcher = HEADING.matcher(answer);
      while (matcher.find()) {
        headings.add(matcher.group(1) == null ? matcher.group(2) : matcher.group(1));
      }
      if (headings.size() >= 2) {
        return "headings " + String.join(", ", headings);
      }
      // What the heading says may be part of the answer; that there is one is the form.
      return headings.size() == 1 ? "one heading and text" : FREE;
    }

    DataFacts facts() {
      var best = forms.entrySet().stream().max(Map.Entry.comparingByValue()).orElseThrow();
      String form = best.getKey();
      double share = best.getValue() / (double) count;
      if (form.equals(FREE) && answers.size() <= Math.max(20, count / 20) && count >= 20) {
        form = "one of %,d labels".formatted(answers.size());
        share = 1;
      }
      lengths.sort(null);
      return new DataFacts(
          count,
          form,
          share,
          resembling / (double) count,
          List.of(at(0.1), at(0.5), at(0.9)),
          prompts / (double) CHARACTERS / count,
          systems / (double) CHARACTERS / count,
          grounded / count);
    }

    private int at(double share) {
      return lengths.get((int) Math.min(lengths.size() - 1, share * lengths.size()));
    }
  }
}
