package dev.graft.trainer.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ConfigSchemaTest {

  /** {@code ./graft config --schema > configs/graft.schema.json} mends a failure. */
  @Test
  void theCommittedSchemaIsTheOneOfTheRecords() throws IOException {
    Path committed = Path.of(System.getProperty("graft.root", ".."), "configs/graft.schema.json");

    assertThat(Files.readString(committed)).isEqualTo(ConfigSchema.json());
  }

  @Test
  void everyKeyIsInItsSection() {
    JsonNode schema = JsonMapper.shared().readTree(ConfigSchema.json());

    assertThat(schema.get("additionalProperties").booleanValue()).isFalse();
    assertThat(schema.get("required").toString()).isEqualTo("[\"base\",\"data\"]");
    for (ConfigKey key : ConfigKey.all()) {
      JsonNode property =
          schema.at("/properties/" + key.path().replace(".", "/properties/") + "/description");
      assertThat(property.stringValue("")).as(key.path()).isEqualTo(key.key().value());
    }
  }
}
