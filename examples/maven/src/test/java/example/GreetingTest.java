package example;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class GreetingTest {

    @Test
    void itGreets() throws Exception {
        try (AppContainer app = new AppContainer()) {
            app.start();
            assertEquals("hello\n", app.execInContainer("cat", "/greeting").getStdout());
        }
    }
}
