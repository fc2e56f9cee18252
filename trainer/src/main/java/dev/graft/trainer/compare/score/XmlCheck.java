package dev.graft.trainer.compare.score;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.Optional;
import javax.xml.XMLConstants;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.parsers.SAXParserFactory;
import javax.xml.transform.sax.SAXSource;
import javax.xml.validation.Schema;
import javax.xml.validation.SchemaFactory;
import javax.xml.validation.Validator;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;
import org.xml.sax.SAXParseException;
import org.xml.sax.XMLReader;
import org.xml.sax.helpers.DefaultHandler;

/**
 * XML, well-formed and valid. An answer is a stranger's text: a document type is refused, so that
 * it has no entities, and nothing outside of it is read.
 */
public final class XmlCheck {

  private final Optional<Schema> schema;

  private XmlCheck(Optional<Schema> schema) {
    this.schema = schema;
  }

  /** Without a schema, what is well-formed is valid. */
  public static XmlCheck wellFormed() {
    return new XmlCheck(Optional.empty());
  }

  /**
   * With an XML schema, which may include files beside it.
   *
   * @throws IllegalArgumentException if the file is no schema
   */
  public static XmlCheck against(Path xsd) {
    try {
      SchemaFactory factory = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI);
      factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
      factory.setProperty(XMLConstants.ACCESS_EXTERNAL_DTD, "");
      factory.setProperty(XMLConstants.ACCESS_EXTERNAL_SCHEMA, "file");
      return new XmlCheck(Optional.of(factory.newSchema(xsd.toFile())));
    } catch (SAXException e) {
      String line = e instanceof SAXParseException at ? "line " + at.getLineNumber() + ": " : "";
      throw new IllegalArgumentException("is no XML schema: " + line + e.getMessage(), e);
    }
  }

  boolean isWellFormed(String text) {
    try {
      reader().parse(new InputSource(new StringReader(text)));
      return true;
    } catch (SAXException _) {
      return false;
    } catch (IOException e) {
      throw new IllegalStateException("a text in memory cannot be read", e);
    }
  }

  boolean isValid(String text) {
    if (schema.isEmpty()) {
      return isWellFormed(text);
    }
    try {
      Validator validator = schema.get().newValidator();
      validator.setProperty(XMLConstants.ACCESS_EXTERNAL_DTD, "");
      validator.setProperty(XMLConstants.ACCESS_EXTERNAL_SCHEMA, "");
      validator.validate(new SAXSource(reader(), new InputSource(new StringReader(text))));
      return true;
    } catch (SAXException _) {
      return false;
    } catch (IOException e) {
      throw new IllegalStateException("a text in memory cannot be read", e);
    }
  }

  private static XMLReader reader() throws SAXException {
    try {
      SAXParserFactory factory = SAXParserFactory.newDefaultInstance();
      factory.setNamespaceAware(true);
      factory.setXIncludeAware(false);
      factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
      factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
      factory.setFeature("http://xml.org/sax/features/external-general-entities", false);
      factory.setFeature("http://xml.org/sax/features/external-parameter-entities", false);
      XMLReader reader = factory.newSAXParser().getXMLReader();
      // Its own handler prints to standard error.
      reader.setErrorHandler(new DefaultHandler());
      return reader;
    } catch (ParserConfigurationException e) {
      throw new IllegalStateException("the JDK's parser has these features", e);
    }
  }
}
