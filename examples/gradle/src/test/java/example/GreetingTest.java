package example;

import static org.junit.Assert.assertEquals;

import org.junit.Test;

public class GreetingTest {

    @Test
    public void greeting() {
        assertEquals("hello", AppImage.run("cat", "/greeting"));
    }
}
