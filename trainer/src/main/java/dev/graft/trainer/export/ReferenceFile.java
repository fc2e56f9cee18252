package dev.graft.trainer.export;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.StrictJson;
import dev.graft.tokenizer.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What base and adapter say in the trainer, for comparison with any server: for each prompt its
 * token ids, the greedy continuation, and for each token of that the log-probabilities of the
 * likeliest tokens, in nats. And what the tokenizer makes of some texts, special tokens not added.
 */
final class ReferenceFile {
  private static final int LIKELIEST = 5;

  private ReferenceFile() {}

  static void write(Path file, ReferenceRun run, Optional<Tokenizer> tokenizer) {
    ObjectNode root = JsonMapper.shared().createObjectNode();
    ArrayNode sequences = root.putArray("sequences");
    for (int s = 0; s < run.sequences().size(); s++) {
      int[] ids = run.sequences().get(s);
      ObjectNode sequence = sequences.addObject();
      ArrayNode prompt = sequence.putArray("prompt");
      ArrayNode greedy = sequence.putArray("greedy");
      ArrayNode steps = sequence.putArray("likeliest");
      for (int i = 0; i < ids.length; i++) {
        (i < run.promptLength(s) ? prompt : greedy).add(ids[i]);
        if (i >= run.promptLength(s)) {
          addLikeliest(steps.addArray(), run.logits(s, i - 1));
        }
      }
    }
    ArrayNode texts = root.putArray("texts");
    for (String text : tokenizer.isPresent() ? GoldenPrompts.TEXTS : List.<String>of()) {
      ArrayNode ids = texts.addObject().put("text", text).putArray("ids");
      for (int id : tokenizer.orElseThrow().encodePlain(text)) {
        ids.add(id);
      }
    }
    byte[] json = StrictJson.print(root).getBytes(StandardCharsets.UTF_8);
    AsideFile.write(file, channel -> channel.write(ByteBuffer.wrap(json)));
  }

  private static void addLikeliest(ArrayNode step, float[] logits) {
    double norm = Divergence.logSumExp(logits, 0, logits.length);
    boolean[] taken = new boolean[logits.length];
    for (int n = 0; n < Math.min(LIKELIEST, logits.length); n++) {
      int best = -1;
      for (int i = 0; i < logits.length; i++) {
        if (!taken[i] && (best < 0 || logits[i] > logits[best])) {
          best = i;
        }
      }
      taken[best] = true;
      step.addObject().put("id", best).put("log_probability", logits[best] - norm);
    }
  }
}
