package dev.graft.trainer.compare.contestant;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * How likely a local model finds an example's reference.
 *
 * @param negativeLogLikelihood in nats, summed over the reference's tokens and the end token
 * @param tokens how many those are; 0 where the example is too long to be read
 */
public record Likelihood(double negativeLogLikelihood, int tokens) {

  /** What an example that cannot be read has. */
  public static final Likelihood NONE = new Likelihood(0, 0);

  /** As it stands in a file of likelihoods. */
  public static final KeptFile.Form<Likelihood> FORM =
      new KeptFile.Form<>() {
        @Override
        public Map<String, Object> toMap(Likelihood likelihood) {
          var map = new LinkedHashMap<String, Object>();
          map.put("negative_log_likelihood", likelihood.negativeLogLikelihood);
          map.put("tokens", likelihood.tokens);
          return map;
        }

        @Override
        public Optional<Likelihood> of(String id, JsonNode line) {
          JsonNode sum = line.path("negative_log_likelihood");
          JsonNode tokens = line.path("tokens");
          return sum.isNumber() && tokens.isIntegralNumber()
              ? Optional.of(new Likelihood(sum.asDouble(), tokens.asInt()))
              : Optional.empty();
        }
      };
}
