package dev.graft.tokenizer.check;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SecretsTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "write to a.b+c@mail.example.co.uk now | e-mail address",
        "pay to GB82 WEST 1234 5698 7654 32 please | IBAN",
        "DE89370400440532013000 | IBAN",
        "card 4111-1111-1111-1111 | credit card number",
        "378282246310005 | credit card number",
        "SSN 123-45-6789 | US social security number",
        "MRN: 00482913 | medical record number",
        "call +49 (0)30 1234 5678 | phone number",
        "call (415) 555-0132 today | phone number",
        "call 415-555-0132 | phone number",
        "AKIAIOSFODNN7EXAMPLE | AWS access key",
        "-----BEGIN RSA PRIVATE KEY----- | private key",
        "password: hunter2xyz | password",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789 | GitHub token",
      })
  void isFound(String text, String kind) {
    assertThat(Secrets.in(text)).extracting(Secrets.Hit::kind).containsExactly(kind);
    assertThat(Secrets.in(text).getFirst().masked()).hasSizeLessThan(24).contains("…");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "4111 1111 1111 1112 fails Luhn",
        "DE88 3704 0044 0532 0130 00 fails modulo 97",
        "000-12-3456 and 123-00-4567 are no numbers of persons",
        "blood pressure 120/80, pulse 72, 2021-03-04, 10:30, ICD E11.9",
        "an @ alone, and user@localhost",
        "pages 100-200-300, version 1.2.3.4, 3.14159265358979",
        "the password is secret",
        "ask-me-anything-you-want-about-it",
      })
  void isNotFound(String text) {
    assertThat(Secrets.in(text)).isEmpty();
  }

  @Test
  void hostileTextTakesNoTime() {
    for (String piece : new String[] {"a.", "1 ", "1-", "AA11 ", "x@x.", "+1 ", "-----BEGIN "}) {
      assertThat(Secrets.in(piece.repeat(50_000))).hasSizeLessThan(50_000);
    }
  }
}
