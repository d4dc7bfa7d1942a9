package example;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class WorkdirTest {

    @Test
    void itWorksInSrv() throws Exception {
        try (AppContainer app = new AppContainer()) {
            app.start();
            assertEquals("/srv\n", app.execInContainer("pwd").getStdout());
        }
    }
}
