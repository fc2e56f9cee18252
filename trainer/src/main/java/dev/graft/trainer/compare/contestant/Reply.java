package dev.graft.trainer.compare.contestant;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * What came of one example: an answer, or the reason why there is none. An answer that is missing
 * is no wrong answer.
 *
 * @param id the example's
 * @param answer absent where there is none
 * @param error why there is none, in words
 * @param inputTokens of the whole prompt, in the contestant's own tokens
 * @param outputTokens of the answer
 * @param latencyMs from the request to the last token, milliseconds
 * @param model the model's name
 * @param cut whether the answer was cut at its longest
 */
public record Reply(
    String id,
    Optional<String> answer,
    Optional<String> error,
    OptionalLong inputTokens,
    OptionalLong outputTokens,
    OptionalDouble latencyMs,
    Optional<String> model,
    boolean cut) {

  /** No answer. */
  public static Reply failed(String id, String error) {
    return new Reply(
        id,
        Optional.empty(),
        Optional.of(error),
        OptionalLong.empty(),
        OptionalLong.empty(),
        OptionalDouble.empty(),
        Optional.empty(),
        false);
  }

  /** The same reply to an example of another name. */
  Reply withId(String other) {
    return new Reply(other, answer, error, inputTokens, outputTokens, latencyMs, model, cut);
  }

  /** As it stands in a file of answers. */
  Map<String, Object> toMap() {
    var map = new LinkedHashMap<String, Object>();
    map.put("id", id);
    answer.ifPresent(it -> map.put("answer", it));
    error.ifPresent(it -> map.put("error", it));
    inputTokens.ifPresent(it -> map.put("input_tokens", it));
    outputTokens.ifPresent(it -> map.put("output_tokens", it));
    latencyMs.ifPresent(it -> map.put("latency_ms", it));
    model.ifPresent(it -> map.put("model", it));
    if (cut) {
      map.put("cut", true);
    }
    return map;
  }
}
