package dev.graft.trainer.compare.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StructureTest {

  private static final Structure LEGAL =
      new Structure(
          List.of("Fact", "Legal basis", "Risk", "Recommendation"), Optional.empty(), false);

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "**Fact**~a~**Legal basis**~b~**Risk**~c~**Recommendation**~d | 1 | 1",
        "**Fact:** a~**Legal basis:** b~**Risk:** c~**Recommendation:** d | 1 | 1",
        "## Fact~a~## Legal Basis~b~## Risk~c~## Recommendation~d | 1 | 1",
        "1. **Fact**: a~2. **Legal basis**: b~3. **Risk**: c~4. **Recommendation**: d | 1 | 1",
        "**Fact**~a~**Legal basis**~b~**Background**~x~**Risk**~c~**Recommendation**~d | 1 | 1",
        "**Fact**~a~**Risk**~c~**Legal basis**~b~**Recommendation**~d | 0 | 1",
        "**Fact**~a~**Legal basis**~**Risk**~c~**Recommendation**~d | 0 | 1",
        "**Fact**~a~**Risk**~c~**Recommendation**~d | 0 | 0.75",
        "Fact~a~Legal basis~b~Risk~c~Recommendation~d | 0 | 0",
        "```~# Fact~```~x | 0 | 0",
      })
  void sectionsInOrder(String text, double complete, double present) {
    Marks marks = LEGAL.mark("", text.replace("~", "\n"));

    assertThat(marks.marks().get(0).value()).isEqualTo(complete);
    assertThat(marks.marks().get(1).value()).isEqualTo(present);
  }

  @Test
  void xmlAgainstASchema() throws IOException {
    Path xsd =
        Files.writeString(
            folder.resolve("note.xsd"),
            """
            <xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
              <xs:element name="note"><xs:complexType><xs:sequence>
                <xs:element name="code" type="xs:string"/>
              </xs:sequence></xs:complexType></xs:element>
            </xs:schema>
            """);
    var scorer = new Structure(List.of(), Optional.of(XmlCheck.against(xsd)), false);

    assertMarks(scorer, "<note><code>I10</code></note>", 1, 1);
    assertMarks(scorer, "```xml\n<note><code>I10</code></note>\n```", 1, 1);
    assertMarks(scorer, "<note><kode>I10</kode></note>", 0, 1);
    assertMarks(scorer, "<note><code>I10</note>", 0, 0);
    assertMarks(scorer, "no", 0, 0);
    assertThatThrownBy(() -> XmlCheck.against(Files.writeString(folder.resolve("x"), "<a/>")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no XML schema");
  }

  @Test
  void nothingOutsideOfTheAnswerIsRead() throws IOException {
    Path secret = Files.writeString(folder.resolve("secret.txt"), "secret");
    var scorer = new Structure(List.of(), Optional.of(XmlCheck.wellFormed()), false);

    assertMarks(
        scorer,
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"%s\">]><a>&x;</a>".formatted(secret.toUri()),
        0,
        0);
    assertMarks(scorer, "<!DOCTYPE a [<!ENTITY b \"bb\">]><a>&b;</a>", 0, 0);
  }

  private static void assertMarks(Structure scorer, String text, double first, double second) {
    Marks marks = scorer.mark("", text);
    assertThat(marks.marks().get(0).value()).as(text).isEqualTo(first);
    assertThat(marks.marks().get(1).value()).as(text).isEqualTo(second);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "# a~## b~text; 0",
        "# a~### b; 1",
        "```~code; 1",
        "|a|b|~|-|-|~|1|2|; 0",
        "|a|b|~|-|-|~|1|; 1",
        "a | b; 0",
      })
  void faultsOfMarkdown(String text, int faults) {
    assertThat(Markdown.faults(text.replace("~", "\n"))).hasSize(faults);
  }
}
