package dev.graft.trainer.compare;

import static dev.graft.trainer.compare.contestant.Judge.Preference.BASELINE;
import static dev.graft.trainer.compare.contestant.Judge.Preference.CONTESTANT;
import static dev.graft.trainer.compare.contestant.Judge.Preference.TIE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.compare.HumanJudgements.Both;
import dev.graft.trainer.compare.HumanJudgements.Judged;
import dev.graft.trainer.compare.contestant.Judge.Preference;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HumanJudgementsTest {

  @TempDir Path folder;

  private static List<Both> times(int count, Preference judge, Preference person) {
    return Collections.nCopies(count, new Both(judge, person));
  }

  @SafeVarargs
  private static double kappa(List<Both>... cells) {
    var all = new ArrayList<Both>();
    for (List<Both> cell : cells) {
      all.addAll(cell);
    }
    return HumanJudgements.kappa(all);
  }

  @Test
  void kappaIsAgreementBeyondChance() {
    // 20 and 15 of 50 agree: 0.7 observed; by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5.
    assertThat(
            kappa(
                times(20, CONTESTANT, CONTESTANT),
                times(5, CONTESTANT, BASELINE),
                times(10, BASELINE, CONTESTANT),
                times(15, BASELINE, BASELINE)))
        .isCloseTo(0.4, within(1e-12));
    // Of 200: margins .50 .30 .20 and .40 .30 .30 make .35 by chance, and .29 agree.
    assertThat(
            kappa(
                times(50, CONTESTANT, CONTESTANT),
                times(26, CONTESTANT, BASELINE),
                times(24, CONTESTANT, TIE),
                times(24, BASELINE, CONTESTANT),
                times(4, BASELINE, BASELINE),
                times(32, BASELINE, TIE),
                times(6, TIE, CONTESTANT),
                times(30, TIE, BASELINE),
                times(4, TIE, TIE)))
        .isCloseTo((0.29 - 0.35) / (1 - 0.35), within(1e-12));
    assertThat(kappa(times(3, TIE, TIE))).isEqualTo(1);
  }

  @Test
  void whatIsNoJudgementNamesItsLine() throws IOException {
    assertThatThrownBy(() -> read("{\"id\":1,\"contestant\":\"a\",\"preferred\":\"yes\"}"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("line 1: needs id, contestant and preferred");
    String good = "{\"id\":1,\"contestant\":\"a\",\"preferred\":\"tie\"}\n";
    assertThatThrownBy(() -> read(good + "\n{oops")).hasMessageContaining("line 3: is not JSON");
    assertThatThrownBy(() -> read(good + good)).hasMessageContaining("'1' of a is judged a second");
    HumanJudgements read = read(good);
    assertThat(read.preferences()).containsExactly(Map.entry(new Judged("1", "a"), TIE));
    assertThat(read.agreement(Map.of())).contains("none of the pairs in");
    assertThat(read.agreement(Map.of(new Judged("1", "a"), BASELINE)))
        .isEqualTo("agrees with a person on 0 of 1 pairs (Cohen's kappa 0.00)");
  }

  private HumanJudgements read(String lines) throws IOException {
    return HumanJudgements.read(Files.writeString(folder.resolve("human.jsonl"), lines));
  }
}
