package dev.graft.trainer.compare;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.score.JsonSchema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class CompareSchemaTest {

  /** {@code ./graft compare --schema > configs/compare.schema.json} mends a failure. */
  @Test
  void theCommittedSchemaIsTheOneOfTheRecords() throws IOException {
    Path committed = Path.of(System.getProperty("graft.root", ".."), "configs/compare.schema.json");

    assertThat(Files.readString(committed)).isEqualTo(CompareConfig.schema());
  }

  @Test
  void itIsASchemaThatNamesEveryKind() {
    String text = CompareConfig.schema();

    assertThat(JsonSchema.of(text)).isNotNull();
    JsonNode schema = JsonMapper.shared().readTree(text);
    assertThat(schema.get("required").toString())
        .isEqualTo("[\"data\",\"contestants\",\"scorers\"]");
    assertThat(schema.at("/properties/contestants/additionalProperties/anyOf/0/enum").toString())
        .contains("base", "adapter", "recorded", "claude", "openai-compatible");
    assertThat(schema.at("/properties/scorers/additionalProperties/anyOf/0/enum").toString())
        .contains("normalized-exact", "rouge-l", "token-f1", "perplexity", "judge");
  }
}
