package dev.graft.trainer.compare.contestant;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.core.JsonValue;
import com.anthropic.errors.AnthropicException;
import com.anthropic.errors.AnthropicInvalidDataException;
import com.anthropic.errors.AnthropicServiceException;
import com.anthropic.models.messages.MessageCreateParams;
import com.anthropic.models.messages.StopReason;
import dev.graft.tokenizer.Message;
import dev.graft.trainer.compare.config.ContestantConfig;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Collectors;

/** Claude, through Anthropic's own client. */
public final class ClaudeEndpoint implements Endpoint {

  private static final String ANTHROPIC = "https://api.anthropic.com";

  private final ContestantConfig.Claude config;
  private final AnthropicClient client;

  /**
   * @param key from the environment; never written anywhere
   */
  public ClaudeEndpoint(ContestantConfig.Claude config, String key) {
    this.config = config;
    this.client =
        AnthropicOkHttpClient.builder()
            .apiKey(key)
            .baseUrl(address())
            .maxRetries(config.retries())
            .timeout(Duration.ofSeconds(config.timeout()))
            .build();
  }

  @Override
  public Completion complete(List<Message> messages) {
    MessageCreateParams.Builder request =
        MessageCreateParams.builder().model(config.model()).maxTokens(config.maxTokens());
    for (Message message : messages) {
      switch (message.role()) {
        case SYSTEM -> request.system(message.content());
        case HUMAN, TOOL -> request.addUserMessage(message.content());
        case ASSISTANT -> request.addAssistantMessage(message.content());
      }
    }
    config
        .temperature()
        .ifPresent(
            value -> request.putAdditionalBodyProperty("temperature", JsonValue.from(value)));
    try {
      var answer = client.messages().create(request.build());
      String text =
          answer.content().stream()
              .flatMap(block -> block.text().stream())
              .map(block -> block.text())
              .collect(Collectors.joining());
      return new Completion(
          text,
          OptionalLong.of(answer.usage().inputTokens()),
          OptionalLong.of(answer.usage().outputTokens()),
          answer.model().asString(),
          answer.stopReason().filter(StopReason.MAX_TOKENS::equals).isPresent());
    } catch (AnthropicServiceException e) {
      throw Refusal.ofStatus(e.statusCode(), address(), config.keyVariable(), config.model(), e);
    } catch (AnthropicInvalidDataException e) {
      throw Refusal.ofBody(address(), e);
    } catch (AnthropicException e) {
      throw Refusal.ofConnection(address(), e);
    }
  }

  @Override
  public Map<String, Object> settings() {
    var settings = new LinkedHashMap<String, Object>();
    settings.put("api", "claude");
    settings.put("address", address());
    settings.put("model", config.model());
    settings.put("max_tokens", config.maxTokens());
    config.temperature().ifPresent(value -> settings.put("temperature", value));
    return settings;
  }

  @Override
  public String address() {
    return config.baseUrl().orElse(ANTHROPIC);
  }

  @Override
  public void close() {
    client.close();
  }
}
