package dev.graft.trainer.compare.contestant;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import tools.jackson.databind.JsonNode;

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

  /** As it stands in a file of answers. */
  public static final KeptFile.Form<Reply> FORM =
      new KeptFile.Form<>() {
        @Override
        public Map<String, Object> toMap(Reply reply) {
          var map = new LinkedHashMap<String, Object>();
          reply.answer.ifPresent(it -> map.put("answer", it));
          reply.error.ifPresent(it -> map.put("error", it));
          reply.inputTokens.ifPresent(it -> map.put("input_tokens", it));
          reply.outputTokens.ifPresent(it -> map.put("output_tokens", it));
          reply.latencyMs.ifPresent(it -> map.put("latency_ms", it));
          reply.model.ifPresent(it -> map.put("model", it));
          if (reply.cut) {
            map.put("cut", true);
          }
          return map;
        }

        @Override
        public Optional<Reply> of(String id, JsonNode line) {
          return Optional.ofNullable(line.get("answer"))
              .map(answer ->
                  new Reply(
                      id,
                      Optional.of(answer.asString("")),
                      Optional.empty(),
                      whole(line.path("input_tokens")),
                      whole(line.path("output_tokens")),
                      line.path("latency_ms").isNumber()
                          ? OptionalDouble.of(line.get("latency_ms").asDouble())
                          : OptionalDouble.empty(),
                      Optional.ofNullable(line.path("model").asString(null)),
                      line.path("cut").asBoolean(false)));
        }
      };

  /** An answer of which nothing else is known. */
  public static Reply of(String id, String answer) {
    return new Reply(
        id,
        Optional.of(answer),
        Optional.empty(),
        OptionalLong.empty(),
        OptionalLong.empty(),
        OptionalDouble.empty(),
        Optional.empty(),
        false);
  }

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

  private static OptionalLong whole(JsonNode number) {
    return number.isNumber() ? OptionalLong.of(number.asLong()) : OptionalLong.empty();
  }
}
