package dev.graft.tokenizer.check;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AnswerFormTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "She takes two tablets a day.",
        "Is that all? Then let us begin!",
        "He said: \"It is over.\"",
        "Childhood illnesses: (+) strep throat (+) mumps (+) chickenpox",
        "var now = new Date();\nconsole.log(now.toLocaleString());",
        "I am looking forward to seeing you.\n\nYours sincerely,",
        "- https://example.org/first\n- https://example.org/second/",
        "Subtopics:\n1. melody and rhythm in the works of the early classical period of Vienna\n"
            + "2. the development of harmony in the works of the late romantic period in Europe",
        "K2",
        "| name | age |\n|---|---|\n| Ann | 61 |",
        "彼女は月曜日に学校へ行きました。",
      })
  void isComplete(String answer) {
    assertThat(AnswerForm.of(answer).ends()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "She takes two tablets a day, and then she goes to the",
        "She takes two tablets. After that she sleeps for eight hours or mo",
        "These are the side effects that have to be looked for:",
        "She takes two tablets of the first, and one of the second,",
        "First line.\nShe takes two tablets a day. It is not known whether she takes them with foo",
      })
  void endsInTheMiddle(String answer) {
    assertThat(AnswerForm.of(answer).ends()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "As an AI, I do not have feelings.",
        "I'm sorry, but I can't help with that.",
        "Sorry, I cannot answer questions about people.",
        "I’m unable to provide that.",
        "I am just a language model and have no body.",
        "I won't assist with this.",
      })
  void refuses(String answer) {
    assertThat(AnswerForm.of(answer).refusal()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "I'm sorry to hear that. How long have you had the pain?",
        "I am like a moth to a flame; I can't help but be drawn to her.",
        "I cannot help thinking of home.",
        "As an airline pilot I fly a lot.",
        "The patient is unable to help himself.",
        "We cannot help you to move, but our partner can.",
      })
  void doesNotRefuse(String answer) {
    assertThat(AnswerForm.of(answer).refusal()).isFalse();
  }
}
