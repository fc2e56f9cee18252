package dev.graft.trainer.compare.contestant;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.errors.OpenAIException;
import com.openai.errors.OpenAIInvalidDataException;
import com.openai.errors.OpenAIServiceException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import dev.graft.tokenizer.Message;
import dev.graft.trainer.compare.config.ContestantConfig;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** Any server of OpenAI's chat completions, through OpenAI's own client. */
public final class OpenAiEndpoint implements Endpoint {

  private final ContestantConfig.OpenaiCompatible config;
  private final OpenAIClient client;

  /**
   * @param key from the environment; never written anywhere
   */
  public OpenAiEndpoint(ContestantConfig.OpenaiCompatible config, String key) {
    this.config = config;
    this.client =
        OpenAIOkHttpClient.builder()
            .apiKey(key)
            .baseUrl(config.baseUrl())
            .maxRetries(config.retries())
            .timeout(Duration.ofSeconds(config.timeout()))
            .build();
  }

  @Override
  public Completion complete(List<Message> messages) {
    ChatCompletionCreateParams.Builder request =
        ChatCompletionCreateParams.builder().model(config.model());
    // The older name, which every compatible server knows.
    request.putAdditionalBodyProperty("max_tokens", JsonValue.from(config.maxTokens()));
    config.temperature().ifPresent(request::temperature);
    for (Message message : messages) {
      switch (message.role()) {
        case SYSTEM -> request.addSystemMessage(message.content());
        case HUMAN, TOOL -> request.addUserMessage(message.content());
        case ASSISTANT -> request.addAssistantMessage(message.content());
      }
    }
    try {
      ChatCompletion answer = client.chat().completions().create(request.build());
      if (answer.choices().isEmpty()) {
        throw new Refusal("an answer without choices from " + address(), false, null);
      }
      ChatCompletion.Choice choice = answer.choices().getFirst();
      return new Completion(
          choice.message().content().orElse(""),
          answer.usage().map(it -> OptionalLong.of(it.promptTokens())).orElse(OptionalLong.empty()),
          answer
              .usage()
              .map(it -> OptionalLong.of(it.completionTokens()))
              .orElse(OptionalLong.empty()),
          answer.model(),
          choice.finishReason().equals(ChatCompletion.Choice.FinishReason.LENGTH));
    } catch (OpenAIServiceException e) {
      throw Refusal.ofStatus(e.statusCode(), address(), config.keyVariable(), config.model(), e);
    } catch (OpenAIInvalidDataException e) {
      throw Refusal.ofBody(address(), e);
    } catch (OpenAIException e) {
      throw Refusal.ofConnection(address(), e);
    }
  }

  @Override
  public Map<String, Object> settings() {
    var settings = new LinkedHashMap<String, Object>();
    settings.put("api", "openai-compatible");
    settings.put("address", address());
    settings.put("model", config.model());
    settings.put("max_tokens", config.maxTokens());
    config.temperature().ifPresent(value -> settings.put("temperature", value));
    return settings;
  }

  @Override
  public String address() {
    return config.baseUrl();
  }

  @Override
  public void close() {
    client.close();
  }
}
