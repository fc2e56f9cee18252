package dev.graft.trainer.compare.score;

import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** A JSON schema that answers are validated against; draft 2020-12 unless its $schema says else. */
public final class JsonSchema {

  private static final String META = "https://json-schema.org/draft/2020-12/schema";

  private final Schema schema;

  private JsonSchema(Schema schema) {
    this.schema = schema;
  }

  /**
   * Reads a schema.
   *
   * @throws IllegalArgumentException if the text is no JSON, or JSON that is no schema
   */
  public static JsonSchema of(String text) {
    JsonNode node =
        Json.strict(text).orElseThrow(() -> new IllegalArgumentException("it is not JSON"));
    if (!node.isObject() && !node.isBoolean()) {
      throw new IllegalArgumentException("it is not an object, so it is no schema");
    }
    // Only what is in the validator itself is known: nothing is fetched.
    SchemaRegistry registry = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);
    try {
      String meta = node.path("$schema").asString(META);
      List<Error> problems =
          registry.getSchema(com.networknt.schema.SchemaLocation.of(meta)).validate(node);
      if (!problems.isEmpty()) {
        throw new IllegalArgumentException("it is no schema: " + words(problems.getFirst()));
      }
      Schema schema = registry.getSchema(node);
      schema.initializeValidators();
      return new JsonSchema(schema);
    } catch (IllegalArgumentException e) {
      throw e;
    } catch (RuntimeException e) {
      throw new IllegalArgumentException("it is no schema that can be used: " + e.getMessage(), e);
    }
  }

  /** The first thing that is not as the schema wants it; empty where all is. */
  Optional<String> problemWith(JsonNode value) {
    List<Error> problems = schema.validate(value);
    return problems.isEmpty() ? Optional.empty() : Optional.of(words(problems.getFirst()));
  }

  private static String words(Error problem) {
    return problem.getInstanceLocation() + ": " + problem.getMessage();
  }
}
