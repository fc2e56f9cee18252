package dev.graft.trainer.compare.assess;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/**
 * Which road fits, by rules of thumb. Each rule says what it saw and why it counts, so that a
 * reader can disagree.
 *
 * @param road what is advised
 * @param reasons what speaks for and against, a sentence each
 * @param money what it costs, as far as prices were given
 * @param plan weeks of work, a step each
 */
public record Assessment(Road road, List<String> reasons, List<String> money, List<String> plan) {

  /** The roads, from the cheapest to begin with. */
  public enum Road {
    SYSTEM_PROMPT("a long system prompt on a hosted model"),
    FEW_SHOT("few-shot examples in the prompt"),
    RETRIEVAL("retrieval: documents looked up and put into the prompt, not training"),
    LORA("LoRA on an open model, on your own hardware"),
    HOSTED_FINE_TUNING("fine-tuning at a provider");

    private final String words;

    Road(String words) {
      this.words = words;
    }

    /** In words. */
    public String words() {
      return words;
    }
  }

  /**
   * What the owner of the task says.
   *
   * @param requestsPerDay absent where nobody knows yet
   * @param promptTokens of the system prompt in use today; absent for the data's own
   * @param inputPrice per million tokens
   * @param outputPrice per million tokens
   * @param hardwarePerMonth in the currency of the prices
   * @param mayLeave whether the data may leave the house
   */
  public record Situation(
      OptionalDouble requestsPerDay,
      OptionalDouble promptTokens,
      OptionalDouble inputPrice,
      OptionalDouble outputPrice,
      OptionalDouble hardwarePerMonth,
      boolean mayLeave) {}

  /** Assesses. */
  public static Assessment of(DataFacts facts, Situation situation) {
    var reasons = new ArrayList<String>();
    Road road = road(facts, situation, reasons);
    return new Assessment(road, reasons, money(facts, situation), plan(facts, road));
  }

  private static Road road(DataFacts facts, Situation situation, List<String> reasons) {
    int n = facts.conversations();
    double perDay = situation.requestsPerDay().orElse(Double.NaN);
    boolean facty = facts.grounded() < 0.3 && !facts.isOneForm();
    volume(n, reasons);
    reasons.add(
        facts.isOneForm()
            ? "%s of the answers have one form (%s): form and style are what LoRA learns best"
                .formatted(percent(facts.formShare()), facts.form())
            : "the commonest form, %s, makes up %s of the answers: where the form varies, say in the"
                    .formatted(facts.form(), percent(facts.formShare()))
                + " data what is wanted, or a model learns the mixture");
    reasons.add(
        "%s of an answer's words are in its prompt: %s"
            .formatted(
                percent(facts.grounded()),
                facty
                    ? "answers bring facts of their own, which training teaches badly and retrieval"
                        + " supplies"
                    : "answers rework what is given, which training teaches well"));
    if (facts.nearDuplicates() > 0.1) {
      reasons.add(
          "%s of the conversations resemble another: they count for less than their number, and"
                  .formatted(percent(facts.nearDuplicates()))
              + " must not lie on both sides of a split (graft split sees to that)");
    }
    int p10 = facts.answerTokens().getFirst();
    int p90 = facts.answerTokens().getLast();
    if (p90 > 8 * Math.max(1, p10)) {
      reasons.add(
          "answers are between %,d and %,d tokens long (10 %% to 90 %%): so wide a spread is often two tasks in one"
              .formatted(p10, p90));
    }
    if (!Double.isNaN(perDay)) {
      reasons.add(
          perDay < 100
              ? "%,.0f requests a day do not pay for a model of one's own".formatted(perDay)
              : "at %,.0f requests a day, every token of the prompt that training makes needless is"
                      .formatted(perDay)
                  + " saved %,.0f times a day".formatted(perDay));
    }
    if (!situation.mayLeave()) {
      reasons.add("the data may not leave the house: that leaves open models on own hardware");
    }
    if (facty) {
      return Road.RETRIEVAL;
    }
    if (n < 10) {
      return Road.SYSTEM_PROMPT;
    }
    if (n < 100) {
      return Road.FEW_SHOT;
    }
    if (situation.mayLeave() && perDay < 100) {
      return facts.isOneForm() ? Road.FEW_SHOT : Road.SYSTEM_PROMPT;
    }
    return situation.mayLeave() && perDay < 1000 ? Road.HOSTED_FINE_TUNING : Road.LORA;
  }

  private static void volume(int n, List<String> reasons) {
    if (n < 100) {
      reasons.add(
          "%,d conversations: below about 100, training teaches little that examples in the prompt do not"
              .formatted(n));
    } else if (n <= 10_000) {
      reasons.add("%,d conversations: between 100 and 10,000, where LoRA does best".formatted(n));
    } else {
      reasons.add(
          "%,d conversations: beyond 10,000 a good selection teaches as much; one epoch is mostly enough"
              .formatted(n));
    }
  }

  private static List<String> money(DataFacts facts, Situation situation) {
    var money = new ArrayList<String>();
    if (situation.inputPrice().isEmpty() || situation.outputPrice().isEmpty()) {
      money.add("say --input-price and --output-price (per million tokens) for costs");
      return money;
    }
    double system = situation.promptTokens().orElse(facts.systemTokens());
    double input = system + facts.promptTokens();
    double output = facts.answerTokens().get(1);
    double request =
        (input * situation.inputPrice().getAsDouble()
                + output * situation.outputPrice().getAsDouble())
            / 1e6;
    money.add(
        said(
            "hosted: about %,.0f tokens to read and %,.0f to write, %.4f a request",
            input, output, request));
    money.add(
        said(
            "of that the system prompt is %.4f a request, which training makes needless",
            system * situation.inputPrice().getAsDouble() / 1e6));
    situation
        .requestsPerDay()
        .ifPresent(perDay -> money.add(said("hosted: %,.2f a month", perDay * 30 * request)));
    situation
        .hardwarePerMonth()
        .ifPresent(hardware ->
            money.add(
                said(
                    "break-even: own hardware at %,.2f a month is cheaper from %,.0f requests a"
                        + " day",
                    hardware, hardware / request / 30)));
    return money;
  }

  private static String said(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** Weeks of one engineer and somebody who knows the task. */
  private static List<String> plan(DataFacts facts, Road road) {
    return switch (road) {
      case SYSTEM_PROMPT, FEW_SHOT, RETRIEVAL ->
          List.of(
              "week 1: audit: what a good answer is, 50 held-out examples with references",
              "week 1-2: prompt%s, graft compare against the references"
                  .formatted(road == Road.RETRIEVAL ? " and index" : ""),
              "week 3: production with every answer kept, so that data for training grows");
      case LORA, HOSTED_FINE_TUNING ->
          List.of(
              "week 1: audit: what a good answer is, secrets and duplicates (graft check), a"
                  + " leak-free split (graft split)",
              facts.conversations() < 500
                  ? "week 2-4: data: towards 500 conversations, at 30 to 50 reviewed a day"
                  : "week 2: data: review of a sample of 100, form made uniform",
              "week %s: training: rank 8, 16, 32 and two learning rates"
                  .formatted(facts.conversations() < 500 ? "5" : "3"),
              "week %s: evaluation: graft compare against the model in use, thresholds for go and no-go"
                  .formatted(facts.conversations() < 500 ? "6" : "4"),
              "week %s: production: a tenth of the requests first, both answers kept and compared"
                  .formatted(facts.conversations() < 500 ? "7-8" : "5-6"));
    };
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.0f %%", 100 * share);
  }
}
