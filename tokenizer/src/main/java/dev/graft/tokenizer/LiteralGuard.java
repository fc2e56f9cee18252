package dev.graft.tokenizer;

import java.io.IOException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Encodes texts in which somebody's words look like special tokens, and keeps them words.
 *
 * <p>The Rust core can do that ({@code encode_special_tokens}), but DJL does not reach it and it is
 * not kept in tokenizer.json. So a second tokenizer is loaded from the same file, in which every
 * special token is spelled as a marker with a random part that no text can know. Where the markup
 * has the real token, the marker is put in its place before encoding; ids and offsets are then
 * translated back. Everything else in the core (normalizer, splitting at the tokens, the space put
 * in front of a piece) happens as in the original, so the ids are those of {@code
 * split_special_tokens} in Python for the words and the usual ones for the rest.
 *
 * <p>It holds the vocabulary a second time, and so is made only when a text needs it.
 */
final class LiteralGuard implements AutoCloseable {
  private final NativeTokenizer guarded;
  private final Map<String, String> markers;
  private final Pattern specialTokens;
  private final Map<Integer, Integer> originalIds;

  private LiteralGuard(
      NativeTokenizer guarded, Map<String, String> markers, Map<Integer, Integer> originalIds) {
    this.guarded = guarded;
    this.markers = markers;
    this.originalIds = originalIds;
    // The core takes the leftmost match and of those the longest.
    specialTokens =
        Pattern.compile(
            markers.keySet().stream()
                .sorted(Comparator.comparingInt(String::length).reversed())
                .map(Pattern::quote)
                .collect(Collectors.joining("|")));
  }

  /**
   * @param tokenizerJson the file's bytes, which the core has accepted before
   * @throws IOException if the core does not accept the second spelling
   */
  static LiteralGuard create(byte[] tokenizerJson) throws IOException {
    byte[] random = new byte[16];
    new SecureRandom().nextBytes(random);
    String nonce = HexFormat.of().formatHex(random);

    JsonNode root = JsonFiles.MAPPER.readTree(tokenizerJson);
    Map<String, String> markers = new HashMap<>();
    Map<String, Integer> idsOfSpellings = new HashMap<>();
    for (JsonNode token : root.path("added_tokens")) {
      String content = token.path("content").stringValue();
      if (token.path("special").booleanValue(false) && token instanceof ObjectNode special) {
        String marker = "<graft:" + nonce + ":" + markers.size() + ">";
        markers.put(content, marker);
        special.put("content", marker);
        content = marker;
      }
      idsOfSpellings.put(content, token.path("id").intValue());
    }
    NativeTokenizer guarded = NativeTokenizer.load(JsonFiles.MAPPER.writeValueAsBytes(root));
    return new LiteralGuard(guarded, markers, originalIds(guarded, idsOfSpellings));
  }

  /** The core numbers added tokens itself, and differently once some have a new spelling. */
  private static Map<Integer, Integer> originalIds(
      NativeTokenizer guarded, Map<String, Integer> idsOfSpellings) {
    List<String> spellings = List.copyOf(idsOfSpellings.keySet());
    List<Encoding> encodings = guarded.encode(spellings, false);
    Map<Integer, Integer> originals = new HashMap<>();
    for (int i = 0; i < spellings.size(); i++) {
      Integer original = idsOfSpellings.get(spellings.get(i));
      if (encodings.get(i).ids().length == 1 && original != null) {
        originals.put(encodings.get(i).ids()[0], original);
      }
    }
    return originals;
  }

  Encoding encode(MarkedText marked) {
    String text = marked.text();
    StringBuilder respelled = new StringBuilder(text.length() + 64);
    IndexShifts toOriginal = new IndexShifts();
    int done = 0;
    for (Span token : specialTokensOutsideOf(marked)) {
      respelled.append(text, done, token.start());
      toOriginal.add(respelled.length(), token.start());
      respelled.append(markers.get(text.substring(token.start(), token.end())));
      toOriginal.add(respelled.length(), token.end());
      done = token.end();
    }
    respelled.append(text, done, text.length());
    Encoding encoding = guarded.encode(List.of(respelled.toString()), true).getFirst();
    return translatedBack(encoding, toOriginal);
  }

  private List<Span> specialTokensOutsideOf(MarkedText marked) {
    List<Span> gaps = new ArrayList<>();
    int start = 0;
    for (Span literal : marked.literal()) {
      gaps.add(new Span(start, literal.start()));
      start = literal.end();
    }
    gaps.add(new Span(start, marked.text().length()));

    List<Span> tokens = new ArrayList<>();
    Matcher matcher = specialTokens.matcher(marked.text());
    for (Span gap : gaps) {
      matcher.region(gap.start(), gap.end());
      while (matcher.find()) {
        tokens.add(new Span(matcher.start(), matcher.end()));
      }
    }
    return tokens;
  }

  private Encoding translatedBack(Encoding encoding, IndexShifts toOriginal) {
    int[] ids = encoding.ids().clone();
    int[] starts = encoding.starts().clone();
    int[] ends = encoding.ends().clone();
    for (int i = 0; i < ids.length; i++) {
      ids[i] = originalIds.getOrDefault(ids[i], ids[i]);
      starts[i] = toOriginal.apply(starts[i]);
      ends[i] = toOriginal.apply(ends[i]);
    }
    return new Encoding(ids, starts, ends);
  }

  @Override
  public void close() {
    guarded.close();
  }
}
